python main.py --port
