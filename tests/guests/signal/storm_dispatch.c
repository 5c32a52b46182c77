// Signals arrive all the time in a loop that does hardly anything but jump indirectly: an interpreter, whose handlers
// are reached by jumps, calls and returns.
#include <sys/time.h>
#include "common.h"

static volatile unsigned long count;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  count++;
}

enum { op_add, op_double, op_call, op_loop, op_halt };

__attribute__((noinline)) static u64 mix(u64 v) { return v ^ v >> 7; }
__attribute__((noinline)) static u64 turn(u64 v) { return v << 3 | v >> 61; }
static u64 (*volatile functions[])(u64) = {mix, turn};

static u64 interpret(const unsigned char* program, u64 rounds) {
  static const void* const labels[] = {&&add, &&doubled, &&call, &&loop, &&halt};
  const unsigned char* pc = program;
  u64 value = 1;
#define NEXT goto* labels[*pc++]
  NEXT;
add:
  value += rounds;
  NEXT;
doubled:
  value *= 2;
  NEXT;
call:
  value = functions[value & 1](value);
  NEXT;
loop:
  if (--rounds != 0) pc = program;
  NEXT;
halt:
  return value;
}

int main(void) {
  static const unsigned char program[] = {op_add,    op_double, op_add,  op_call,   op_add, op_double,
                                          op_double, op_add,    op_call, op_double, op_add, op_add,
                                          op_call,   op_double, op_add,  op_loop,   op_halt};
  const u64 expected = interpret(program, 1000);
  on_signal(SIGALRM, handler, SA_RESTART);
  const struct itimerval timer = {{0, 100}, {0, 100}};
  MUST(setitimer(ITIMER_REAL, &timer, NULL));
  for (int round = 0; round < 300 || count < 300; round++) CHECK_EQ(interpret(program, 1000), expected);
  const struct itimerval off = {{0, 0}, {0, 0}};
  MUST(setitimer(ITIMER_REAL, &off, NULL));
  return done();
}
