// Calls of every shape, without libc: recursion, two functions that call each other, calls as arguments, through pointers,
// out of the middle of a line, a loop that is left early. For comparison with gdb's `record full`.
// build: -O0 -g -static -nostdlib -ffreestanding -no-pie -fno-pie -fno-stack-protector -fcf-protection=none
int steps;

static int factorial(int n) {
  steps++;
  if (n <= 1) return 1;
  int smaller = factorial(n - 1);
  return n * smaller;
}

static int odd(int n);
static int even(int n) {
  if (n == 0) return 1;
  return odd(n - 1);
}
static int odd(int n) { return n == 0 ? 0 : even(n - 1); }

static int twice(int n) { return 2 * n; }
static int plus(int a, int b) {
  int sum = a + b;
  return sum;
}
static int (*const table[])(int) = {twice, factorial, even};

static int first_multiple(int of, int above) {
  for (int i = above;; i++) {
    if (i % of == 0) {
      steps += i;
      return i;
    }
    steps--;
  }
}

static void nothing(void) {}

static void fill(char* at, int n) {
  for (char* end = at + n; at != end; at++) *at = (char)n;
}

void _start(void) {
  char buffer[8];
  int total = 0;
  for (int i = 0; i < 3; i++) {
    total += table[i](i + 2);
    nothing();
  }
  total = plus(twice(total), plus(factorial(3), twice(even(4))));
  if (first_multiple(7, total) > 20 && odd(3)) total++;
  fill(buffer, sizeof buffer);
  while (total > 90) {
    total -= plus(7, buffer[3]);
    if (total % 5 == 3) break;
  }
  __asm__ volatile("syscall" : : "a"(60), "D"(0));
}
