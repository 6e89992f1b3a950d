@echo off
rem .\python_embeded\python.exe -s ComfyUI\main.py --cpu
set CUDA_DEVICE_ORDER=PCI_BUS_ID
set "OPTIONS=--cuda-device 0,1 --disable-pinned"
.\python_embeded\python.exe -s ComfyUI\main.py --windows-standalone-build ^
    --disable-dyn %OPTIONS% %EXTRA% --port=8190
