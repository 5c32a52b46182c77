// Indirect control flow of every kind that compilers make: switch tables, computed goto, function
// pointers, virtual calls, tail calls, member pointers.
// build: -O2
#include "common.h"

static unsigned run_switch(const u8* code, int n) {
  unsigned a = 1;
  for (int i = 0; i < n; i++) switch (code[i] & 15) {
      case 0:
        a += 3;
        break;
      case 1:
        a *= 5;
        break;
      case 2:
        a ^= a >> 3;
        break;
      case 3:
        a = ~a;
        break;
      case 4:
        a -= 7;
        break;
      case 5:
        a = a << 3 | a >> 29;
        break;
      case 6:
        a += a & 0xff;
        break;
      case 7:
        a ^= 0x5a5a;
        break;
      case 8:
        a |= 1;
        break;
      case 9:
        a += i;
        break;
      case 10:
        a -= i * 2;
        break;
      case 11:
        a = a * a;
        break;
      case 12:
        a >>= 1;
        break;
      case 13:
        a += 0x1000;
        break;
      default:
        a ^= 0xffff0000;
        break;
    }
  return a;
}

static unsigned run_goto(const u8* code, int n) {
  static void* const labels[] = {&&add, &&mul, &&flip, &&swap};
  unsigned a = 1;
  int i = 0;
#define NEXT            \
  if (i == n) return a; \
  goto* labels[code[i++] & 3]
  NEXT;
add:
  a += 17;
  NEXT;
mul:
  a *= 33;
  NEXT;
flip:
  a = ~a;
  NEXT;
swap:
  a = __builtin_bswap32(a);
  NEXT;
}

struct Node {
  virtual unsigned eval(unsigned x) const = 0;
  virtual ~Node() = default;
};
template <int K>
struct Op : Node {
  unsigned eval(unsigned x) const override { return x * (2 * K + 1) + K; }
};

using Tail = unsigned (*)(unsigned, unsigned, const void*);
static unsigned tail_b(unsigned n, unsigned a, const void* table);
__attribute__((noinline)) static unsigned tail_a(unsigned n, unsigned a, const void* table) {
  if (n == 0) return a;
  return static_cast<const Tail*>(table)[n & 1](n - 1, a * 3 + 1, table);
}
__attribute__((noinline)) static unsigned tail_b(unsigned n, unsigned a, const void* table) {
  if (n == 0) return a + 1;
  return static_cast<const Tail*>(table)[a & 1](n - 1, a ^ n, table);
}

struct Member {
  unsigned k = 5;
  unsigned one(unsigned x) { return x + k; }
  virtual unsigned two(unsigned x) { return x ^ k; }
};

int main() {
  u8 code[5000];
  unsigned state = 99;
  for (u8& c : code) c = (state = state * 69069 + 1) >> 24;
  printf("%u\n", run_switch(code, sizeof code));
  printf("%u\n", run_goto(code, sizeof code));
  const Op<0> a;
  const Op<1> b;
  const Op<2> c;
  const Op<3> d;
  const Node* nodes[] = {&a, &b, &c, &d};
  unsigned x = 1;
  for (u8 v : code) x = nodes[v & 3]->eval(x);
  printf("%u\n", x);
  const Tail table[] = {tail_a, tail_b};
  printf("%u\n", tail_a(1000000, 1, table));
  Member m;
  unsigned (Member::*calls[])(unsigned) = {&Member::one, &Member::two};
  for (u8 v : code) x = (m.*calls[v & 1])(x);
  printf("%u\n", x);
  return done();
}
