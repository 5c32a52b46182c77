// What is hidden of history: the points between the debugger's changes at the tip.

#include "reverse/session/tip_changes.h"
#include "test.h"

namespace fred {
namespace {

/// Live: changes tick, and so does what is executed.
struct Tip {
  TipChanges changes{Time{.ticks = 0, .pc = GuestAddr{0x100}}};
  TipChanges::Standing now{{.ticks = 10, .pc = GuestAddr{0x1000}}, {}};

  Tip() {
    now.registers.rip = 0x1000;
    now.registers.gpr[rsp] = 0x8000;
  }
  void set(const Registers& registers) {
    const auto before = now;
    now.registers = registers;
    now.time = {.ticks = before.time.ticks + 1, .pc = GuestAddr{registers.rip}};
    changes.changed(before, now);
  }
  void write_memory() { set(now.registers); }
  void run(u64 ticks, u64 pc) {
    changes.runs();
    now.registers.rip = pc;
    now.time = {.ticks = now.time.ticks + ticks, .pc = GuestAddr{pc}};
  }
  /// As gdb does: the return address, an argument, the stack pointer, pc.
  void begin_call(u64 function) {
    write_memory();
    auto r = now.registers;
    r.gpr[rdi] = 3;
    set(r);
    r.gpr[rsp] -= 0x100;
    set(r);
    r.rip = function;
    set(r);
  }
  void end_call(const Registers& caller) {
    auto r = now.registers;
    r.gpr[rdi] = caller.gpr[rdi];
    set(r);
    r.gpr[rsp] = caller.gpr[rsp];
    set(r);
    set(caller);
  }
};

Time at(u64 ticks, u64 pc) { return {.ticks = ticks, .pc = GuestAddr{pc}}; }

}  // namespace

TEST_CASE("tip changes: what was made from within gdb, and what is hidden around it") {
  Tip tip;
  tip.write_memory();
  tip.write_memory();
  CHECK(tip.changes.made_at(at(10, 0x1000)));
  CHECK(tip.changes.made_at(at(11, 0x1000)));
  CHECK(!tip.changes.made_at(at(9, 0xff0)));
  CHECK(!tip.changes.made_at(at(12, 0x1000)));
  CHECK(tip.changes.next_hidden(at(9, 0xff0)) == at(10, 0x1000));
  CHECK(!tip.changes.next_hidden(at(10, 0x1000)));
  CHECK(tip.changes.hidden_until(at(12, 0x1000)) == Span{at(10, 0x1000), at(12, 0x1000)});
  CHECK(!tip.changes.hidden_until(at(11, 0x1000)));
  // A call that ended is a part of it as well.
  const auto caller = tip.now.registers;
  tip.begin_call(0x2000);
  tip.run(100, 0x1000);
  tip.end_call(caller);
  CHECK(tip.changes.made_at(at(60, 0x2040)));
  CHECK(!tip.changes.made_at(tip.now.time));
}

TEST_CASE("tip changes: assignments belong to the place where they are made") {
  Tip tip;
  tip.write_memory();
  tip.write_memory();
  CHECK(tip.changes.hidden() == std::vector<Span>{{at(10, 0x1000), at(12, 0x1000)}});
  CHECK(tip.changes.around(at(11, 0x1000)));
  CHECK(!tip.changes.around(at(12, 0x1000)));
  tip.run(5, 0x1100);
  const u64 edition = tip.changes.edition();
  tip.write_memory();
  CHECK(tip.changes.edition() != edition);
  CHECK(tip.changes.hidden().size() == 2);
  CHECK(tip.changes.visible(at(1, 1), at(20, 1)) ==
        std::vector<Span>{{at(1, 1), at(10, 0x1000)}, {at(12, 0x1000), at(17, 0x1100)}, {at(18, 0x1100), at(20, 1)}});
  // Hidden ticks are not counted.
  CHECK(tip.changes.ticks_before(at(19, 1), 1, at(1, 1)) == at(18, 0));
  CHECK(tip.changes.ticks_before(at(19, 1), 3, at(1, 1)) == at(15, 0));
  CHECK(tip.changes.ticks_before(at(19, 1), 8, at(1, 1)) == at(8, 0));
  CHECK(tip.changes.ticks_before(at(11, 0x1000), 2, at(1, 1)) == at(8, 0));
  CHECK(tip.changes.ticks_before(at(19, 1), 30, at(1, 1)) == at(1, 1));
}

TEST_CASE("tip changes: history's begin is visible") {
  Tip tip;
  tip.now.time = at(0, 0x100);
  tip.now.registers.rip = 0x100;
  tip.write_memory();
  CHECK(tip.changes.hidden().empty());
  tip.write_memory();
  CHECK(tip.changes.hidden() == std::vector<Span>{{at(1, 0x100), at(2, 0x100)}});
}

TEST_CASE("tip changes: a jump leaves from where it was") {
  Tip tip;
  tip.write_memory();
  auto r = tip.now.registers;
  r.rip = 0x2000;
  tip.set(r);
  CHECK(tip.changes.hidden() == std::vector<Span>{{at(10, 0x1000), at(11, 0x1000)}});
  r.gpr[rax] = 1;
  tip.set(r);
  CHECK(tip.changes.hidden() == std::vector<Span>{{at(10, 0x1000), at(11, 0x1000)}, {at(12, 0x2000), at(13, 0x2000)}});
}

TEST_CASE("tip changes: a call is hidden when it has ended") {
  Tip tip;
  const auto caller = tip.now.registers;
  tip.begin_call(0x3000);
  tip.run(50, 0x7f00);
  CHECK(!tip.changes.around(at(30, 0x3010)));
  CHECK(!tip.changes.around(at(11, 0x1000)));  // where it was called
  tip.end_call(caller);
  CHECK(tip.changes.hidden() == std::vector<Span>{{at(10, 0x1000), at(67, 0x1000)}});
  // Another one, within which there is a third.
  tip.begin_call(0x4000);
  tip.run(10, 0x4010);
  const auto inner = tip.now.registers;
  tip.begin_call(0x5000);
  tip.run(10, 0x7e00);
  tip.end_call(inner);
  CHECK(tip.changes.hidden().size() == 3);
  tip.run(10, 0x7f00);
  tip.end_call(caller);
  CHECK(tip.changes.hidden() == std::vector<Span>{{at(10, 0x1000), tip.now.time}});
  // It belongs to that place only: what is executed later with the same registers is no return.
  tip.run(100, 0x1000);
  tip.write_memory();
  CHECK(tip.changes.hidden().size() == 2);
}

}  // namespace fred
