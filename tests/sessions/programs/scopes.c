// build: -O0 -g
// Variables of one name in several frames, and in a function that is inlined.
static int total;

static inline __attribute__((always_inline)) int weigh(int n) {
  int got = n * 10;
  total += got;
  got += 1;
  return got;
}

static int sum(int n) {
  int got = n;
  if (n > 0) got += sum(n - 1);
  got += weigh(n);
  return got;
}

int main(void) { return sum(4) == 0; }
