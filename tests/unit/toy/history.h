// What a toy program executed: every point, with the frame that truly had control. The oracle works on this; the
// timeline sees it only through ToyExecution and ToySymbols.
#pragma once
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "core/control/condition.h"
#include "tests/unit/toy/program.h"

namespace fred::toy {

/// One invocation of a function (or the trampoline below a signal's handler). A tail call makes a new one.
struct Node {
  enum class Kind : u8 { root, call, tail, handler, trampoline };
  static constexpr u32 none = ~u32{0};
  u32 parent = none;
  Kind kind{};
  u64 cfa = 0;
  GuestAddr back{};  // where it returns to, in `parent`
  u64 function = 0;
};

struct Point {
  TracePoint trace;
  u32 node = 0;
  const Instruction* instruction = nullptr;
  bool unwindable = true;  // rsp is not in the middle of being set
};

struct Write {
  u64 point = 0;  // whose instruction writes
  u64 before = 0, after = 0;
};

struct History {
  ToyProgram program;
  std::vector<Node> nodes;
  std::vector<Point> points;
  std::map<u64, std::vector<Write>> writes;  // by address of the 8 bytes
  bool ended = false;                        // the program came to its end

  static constexpr u64 global_address(u64 n) { return 0x600000 + 8 * n; }

  const Instruction* at(GuestAddr pc) const;
  /// The 8 bytes there when standing at a point, before its instruction.
  u64 word(u64 point, u64 address) const;
  std::optional<u64> find(const Time& time) const;
  bool is_within(u32 node, u32 ancestor) const;

  std::map<GuestAddr, std::pair<u64, u64>> places;  // pc: function, index
};

/// Runs a program for at most `most` points.
History run(ToyProgram program, std::mt19937& random, u64 most);

}  // namespace fred::toy
