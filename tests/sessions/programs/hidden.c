// build: -O0 -g
// Locals that the unwinder does not find while the functions run that are called: one without unwind information, one
// on a stack of its own. And the same names in other functions, and in other invocations of the same one.
#include <stdio.h>
#include <ucontext.h>

volatile int sink;
int count = 1000000;

void without_unwind_information(int* turns);
__asm__(
    ".text\n"
    ".globl without_unwind_information\n"
    ".type without_unwind_information, @function\n"
    "without_unwind_information:\n"
    "  sub $40, %rsp\n"
    "  mov $200, %ecx\n"
    "1: dec %ecx\n"
    "  jnz 1b\n"
    "  incl (%rdi)\n"
    "  add $40, %rsp\n"
    "  ret\n"
    ".size without_unwind_information, . - without_unwind_information\n");

void reached(int n) { sink = n; }

void spin(int turns) {
  for (int i = 0; i < turns; i++) sink += count;
}

static ucontext_t outside, inside;
static char stack[65536];

static void body(void) {
  for (int i = 1000;; i++) {
    spin(100);
    swapcontext(&inside, &outside);
  }
}

void invocation(int n) {
  static int count;
  int i, unset;  // that one is what others have left on the stack
  (void)&unset;
  for (i = 0; i < 100; i++) {
    count++;
    spin(3);
  }
  if (n == 40) reached(n);
}

int main(void) {
  int i, k, turns = 0;
  for (i = 0; i < 3000; i++) {
    without_unwind_information(&turns);
    if (i == 2990) reached(i);
  }
  getcontext(&inside);
  inside.uc_stack.ss_sp = stack;
  inside.uc_stack.ss_size = sizeof stack;
  makecontext(&inside, body, 0);
  for (k = 0; k < 3000; k++) {
    swapcontext(&outside, &inside);
    if (k == 2991) reached(k);
  }
  for (i = 0; i < 50; i++) {
    invocation(i);
  }
  printf("%d\n", sink);
  return 0;
}
