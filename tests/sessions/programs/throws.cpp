// build: -g -O0
// Exceptions through frames with and without destructors, caught and thrown again.
#include <cstdio>
#include <stdexcept>
// clang-format off
int count;

struct Guard {
  int n;
  ~Guard() { count += n; }
};

int leaf(int n) {
  if (n > 2)
    throw std::runtime_error("too deep");
  return n;
}

int middle(int n) {
  Guard guard{n};
  int r = leaf(n);
  return r + 1;
}

int again(int n) {
  try {
    return middle(n);
  } catch (const std::exception&) {
    count += 10;
    throw;
  }
}

int safe(int n) {
  int r = -1;
  try {
    r = again(n);
  } catch (const std::exception& e) {
    count += 100;
    r = -2;
  }
  return r;
}

int main() {
  int a = safe(1);
  int b = safe(5);
  int c = safe(7);
  std::printf("%d %d %d %d\n", a, b, c, count);
  return 0;
}
