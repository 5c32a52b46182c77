// What time travel is measured with: a byte-code interpreter that executes 10^9 branches, 10^6 calls among them, with a
// global that rises now and then. Needs a debugger; bench/time_travel.py.
#include "bench/kernels/kernel.h"

// Known by their names wherever the program stands.
kernel::u64 calls;
kernel::u64 level;  // rises once in 2^16 calls
volatile kernel::u64 every_turn;

namespace {

enum class Op : unsigned char { add, mix, loop, call };
constexpr Op program[] = {Op::add, Op::mix, Op::add, Op::loop, Op::call};

kernel::u64 accumulator = 1;

__attribute__((noinline)) void account() {
  ++calls;
  if ((calls & 0xffff) == 0) ++level;
}

__attribute__((noinline)) void interpret(kernel::u64 rounds, unsigned turns) {
  for (kernel::u64 round = 0; round < rounds; ++round) {
    unsigned left = turns;
    for (const Op* pc = program;;) {
      switch (*pc++) {
        case Op::add:
          accumulator += left;
          break;
        case Op::mix:
          accumulator ^= accumulator << 7;
          break;
        case Op::loop:
          every_turn = left;
          if (--left != 0) pc = program;
          break;
        case Op::call:
          account();
          goto next;
      }
    }
  next:;
  }
}

}  // namespace

int main(int argc, char** argv) {
  interpret(kernel::work(argc, argv, 1'000'000), 250);
  return kernel::report("travel", accumulator + calls);
}
