for number in range(-100, 1000): print(number)
