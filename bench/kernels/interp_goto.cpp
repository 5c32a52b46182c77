// The same interpreter with computed goto: an indirect jump at the end of every instruction's code.
#include "bench/kernels/interpreter.h"

using namespace kernel;

static void interpret(Machine& m) {
  static const void* const labels[] = {
#define X(name) &&do_##name,
      KERNEL_OPCODES(X)
#undef X
  };
  const Instruction* pc = program.data();
  Instruction in;
#define NEXT                                    \
  do {                                          \
    in = *pc++;                                 \
    goto* labels[static_cast<unsigned>(in.op)]; \
  } while (0)
  NEXT;
do_set:
  m.r[in.a] = static_cast<u64>(in.c);
  NEXT;
do_move:
  m.r[in.a] = m.r[in.b];
  NEXT;
do_add:
  m.r[in.a] += m.r[in.b];
  NEXT;
do_add_const:
  m.r[in.a] = m.r[in.b] + static_cast<u64>(in.c);
  NEXT;
do_triple:
  m.r[in.a] = m.r[in.b] * 3 + 1;
  NEXT;
do_half:
  m.r[in.a] = m.r[in.b] >> 1;
  NEXT;
do_odd:
  m.r[in.a] = m.r[in.b] & 1;
  NEXT;
do_load:
  m.r[in.a] = m.memory[m.r[in.b]];
  NEXT;
do_store:
  m.memory[m.r[in.b]] = m.r[in.a];
  NEXT;
do_mask:
  m.r[in.a] = m.r[in.b] & static_cast<u64>(in.c);
  NEXT;
do_xor_:
  m.r[in.a] = m.r[in.b] ^ m.r[static_cast<unsigned char>(in.c)];
  NEXT;
do_jump:
  pc = program.data() + in.c;
  NEXT;
do_jump_if:
  if (m.r[in.a]) pc = program.data() + in.c;
  NEXT;
do_jump_unless:
  if (!m.r[in.a]) pc = program.data() + in.c;
  NEXT;
do_jump_below:
  if (m.r[in.a] < m.r[in.b]) pc = program.data() + in.c;
  NEXT;
do_halt:
  return;
#undef NEXT
}

int main(int argc, char** argv) {
  Machine m;
  m.r[limit] = work(argc, argv, 400'000);
  interpret(m);
  return report("interp_goto", m.checksum());
}
