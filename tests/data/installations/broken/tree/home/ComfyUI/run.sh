python main.py --cpu --highvram --nothing stray "unclosed
