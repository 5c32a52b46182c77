// A byte-code interpreter whose dispatch is one switch: one indirect jump with many targets.
#include "bench/kernels/interpreter.h"

using namespace kernel;

static void interpret(Machine& m) {
  const Instruction* pc = program.data();
  for (;;) {
    const Instruction in = *pc++;
    switch (in.op) {
      case Op::set:
        m.r[in.a] = static_cast<u64>(in.c);
        break;
      case Op::move:
        m.r[in.a] = m.r[in.b];
        break;
      case Op::add:
        m.r[in.a] += m.r[in.b];
        break;
      case Op::add_const:
        m.r[in.a] = m.r[in.b] + static_cast<u64>(in.c);
        break;
      case Op::triple:
        m.r[in.a] = m.r[in.b] * 3 + 1;
        break;
      case Op::half:
        m.r[in.a] = m.r[in.b] >> 1;
        break;
      case Op::odd:
        m.r[in.a] = m.r[in.b] & 1;
        break;
      case Op::load:
        m.r[in.a] = m.memory[m.r[in.b]];
        break;
      case Op::store:
        m.memory[m.r[in.b]] = m.r[in.a];
        break;
      case Op::mask:
        m.r[in.a] = m.r[in.b] & static_cast<u64>(in.c);
        break;
      case Op::xor_:
        m.r[in.a] = m.r[in.b] ^ m.r[static_cast<unsigned char>(in.c)];
        break;
      case Op::jump:
        pc = program.data() + in.c;
        break;
      case Op::jump_if:
        if (m.r[in.a]) pc = program.data() + in.c;
        break;
      case Op::jump_unless:
        if (!m.r[in.a]) pc = program.data() + in.c;
        break;
      case Op::jump_below:
        if (m.r[in.a] < m.r[in.b]) pc = program.data() + in.c;
        break;
      case Op::halt:
        return;
    }
  }
}

int main(int argc, char** argv) {
  Machine m;
  m.r[limit] = work(argc, argv, 400'000);
  interpret(m);
  return report("interp_switch", m.checksum());
}
