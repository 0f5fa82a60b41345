if __name__ == '__main__':
    def f(x):
        return x * x
