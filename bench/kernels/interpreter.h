// The byte code of the two interpreter kernels: a register machine, and a program for it that counts the
// steps of the Collatz sequences of 1..limit and mixes them through a small memory.
#pragma once
#include <array>

#include "bench/kernels/kernel.h"

namespace kernel {

// clang-format off
#define KERNEL_OPCODES(X) X(set) X(move) X(add) X(add_const) X(triple) X(half) X(odd) X(load) X(store) X(mask) X(xor_) \
  X(jump) X(jump_if) X(jump_unless) X(jump_below) X(halt)
// clang-format on

enum class Op : unsigned char {
#define X(name) name,
  KERNEL_OPCODES(X)
#undef X
};

struct Instruction {
  Op op;
  unsigned char a, b;
  int c;
};

enum Register : unsigned char { i, x, steps, total, t, limit, one, slot, register_count };

inline constexpr std::array<Instruction, 21> program{{
    {Op::set, i, 0, 1},
    {Op::set, one, 0, 1},
    // 2: the next sequence
    {Op::move, x, i, 0},
    {Op::set, steps, 0, 0},
    // 4: one step of it
    {Op::xor_, t, x, one},
    {Op::jump_unless, t, 0, 12},
    {Op::odd, t, x, 0},
    {Op::jump_if, t, 0, 10},
    {Op::half, x, x, 0},
    {Op::jump, 0, 0, 11},
    {Op::triple, x, x, 0},
    {Op::add_const, steps, steps, 1},
    // 12: one left? else go on
    {Op::xor_, t, x, one},
    {Op::jump_if, t, 0, 4},
    {Op::mask, slot, steps, 63},
    {Op::load, t, slot, 0},
    {Op::add, t, i, 0},
    {Op::store, t, slot, 0},
    {Op::add_const, i, i, 1},
    {Op::jump_below, i, limit, 2},
    {Op::halt, 0, 0, 0},
}};

struct Machine {
  u64 r[register_count] = {};
  u64 memory[64] = {};
  u64 checksum() const {
    u64 sum = 0;
    for (u64 m : memory) sum = sum * 31 + m;
    return sum;
  }
};

}  // namespace kernel
