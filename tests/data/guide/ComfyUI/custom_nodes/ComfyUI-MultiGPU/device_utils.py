"""The devices of the machine."""

import torch


def get_device_list():
    return ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
