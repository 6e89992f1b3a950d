#!/bin/bash
cd "$HOME/ComfyUI"
source venv/bin/activate
export CUDA_VISIBLE_DEVICES=1,0
exec python main.py --base-directory ~/data --disable-dynamic-vram "$@"
