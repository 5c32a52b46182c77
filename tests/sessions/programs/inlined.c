// build: -g -O0
/* Functions that are inlined into others, and a call through a pointer that is not set. */
int sink;
void (*nothing)(void);

static inline __attribute__((always_inline)) int twice(int n) {
  int r = n * 2;
  sink += r;
  return r;
}
static inline __attribute__((always_inline)) int outer(int n) {
  int a = 1;
  a += twice(n);
  sink += a;
  return a;
}
int work(int n) {
  int b = n + 1;
  b += outer(b);
  sink += b;
  return b;
}
int call(int n) {
  int k = n + 1;
  nothing();
  return k;
}
int main(void) {
  int s = 0;
  s += work(1);
  s += work(2);
  s += call(5);
  return s;
}
