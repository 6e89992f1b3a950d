# What becomes of byte mode's remainder if the allocation string names no wildcard. Inserted after the original statements,
# which stay as they are, one level deeper:
#
#     if WILDCARD is not None:
#         <the original statements>
#     else:
#         <the code below>
#
# ALLOCATIONS, REMAINDER and LOGGER are the file's own names; GPUS, DEVICE and SHARED are names that its function does not
# use yet. REMAINDER * quota / SHARED is each device's part, in proportion to its quota, as a float: nothing is rounded off.
GPUS = [DEVICE for DEVICE in ALLOCATIONS if DEVICE != "cpu" and ALLOCATIONS[DEVICE] > 0]
if GPUS:
    SHARED = sum(ALLOCATIONS[DEVICE] for DEVICE in GPUS)
    for DEVICE in GPUS:
        ALLOCATIONS[DEVICE] += REMAINDER * ALLOCATIONS[DEVICE] / SHARED
    LOGGER.info(f"[MultiGPU DisTorch V2] GPU-ONLY MODE: Distributed remaining {REMAINDER / (1024**2):.2f} MB across {len(GPUS)} GPUs (no CPU fallback).")
else:
    LOGGER.warning(f"[MultiGPU DisTorch V2] GPU-ONLY MODE: No GPU is listed to take the remaining {REMAINDER / (1024**2):.2f} MB; it stays on the compute device.")
