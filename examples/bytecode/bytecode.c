// build: -O0 -g
// A stack machine that runs a compiled program: how many numbers below 50 are prime? Each statement leaves the stack as
// it found it, so that it must be empty at the end. It is not.
#include <stdio.h>
#include <stdlib.h>

enum operation { PUSH, LOAD, STORE, ADD, MODULO, LESS, JUMP, JUMP_UNLESS, PRINT, HALT };

struct instruction {
  enum operation operation;
  int operand;
};

enum { n, divisor, found };  // variables

static const struct instruction program[] = {
    {PUSH, 2},       {STORE, n},                                              //  0: n = 2
    {LOAD, n},       {PUSH, 50},      {LESS, 0},   {JUMP_UNLESS, 30},         //  2: while (n < 50) {
    {PUSH, 2},       {STORE, divisor},                                        //  6:   divisor = 2
    {LOAD, divisor}, {LOAD, n},       {LESS, 0},   {JUMP_UNLESS, 21},         //  8:   while (divisor < n) {
    {LOAD, n},       {LOAD, divisor}, {MODULO, 0}, {JUMP_UNLESS, 25},         // 12:     if (n % divisor == 0) goto 25
    {LOAD, divisor}, {PUSH, 1},       {ADD, 0},    {STORE, divisor}, {JUMP, 8},  // 16:  divisor = divisor + 1 }
    {LOAD, found},   {PUSH, 1},       {ADD, 0},    {STORE, found},            // 21:   found = found + 1
    {LOAD, n},       {PUSH, 1},       {ADD, 0},    {STORE, n},       {JUMP, 2},  // 25:  n = n + 1 }
    {LOAD, found},   {PRINT, 0},      {HALT, 0},                              // 30: print found
};

struct machine {
  int stack[128], depth;
  int variables[3];
  int at;  // the instruction that is executed
};

static void push(struct machine* m, int value) {
  if (m->depth == sizeof m->stack / sizeof m->stack[0]) {
    fprintf(stderr, "stack overflow at %d\n", m->at);
    exit(1);
  }
  m->stack[m->depth++] = value;
}

static int pop(struct machine* m) {
  if (m->depth == 0) {
    fprintf(stderr, "stack underflow at %d\n", m->at);
    exit(1);
  }
  return m->stack[--m->depth];
}

// Executes one instruction and gives the next one's number, or -1.
static int execute(struct machine* m, struct instruction i) {
  int right;
  switch (i.operation) {
    case PUSH:
      push(m, i.operand);
      break;
    case LOAD:
      push(m, m->variables[i.operand]);
      break;
    case STORE:
      m->variables[i.operand] = pop(m);
      break;
    case ADD:
      right = pop(m);
      push(m, pop(m) + right);
      break;
    case MODULO:
      right = pop(m);
      push(m, pop(m) % right);
      break;
    case LESS:
      right = pop(m);
      push(m, pop(m) < right);
      break;
    case JUMP:
      return i.operand;
    case JUMP_UNLESS:
      if (m->stack[m->depth - 1] == 0) return i.operand;
      m->depth--;
      break;
    case PRINT:
      printf("%d\n", pop(m));
      break;
    case HALT:
      return -1;
  }
  return m->at + 1;
}

static int check(const struct machine* m) {
  if (m->depth == 0) return 0;
  fprintf(stderr, "%d values are left on the stack\n", m->depth);
  return 1;
}

int main(void) {
  struct machine m = {.depth = 0};
  while (m.at >= 0) m.at = execute(&m, program[m.at]);
  return check(&m);
}
