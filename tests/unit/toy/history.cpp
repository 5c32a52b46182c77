#include "tests/unit/toy/history.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

namespace fred::toy {
namespace {
constexpr u64 ucontext_rsp = 160, ucontext_rip = 168, frame_size = 600, red_zone = 128;

struct Buffer {
  u32 node = Node::none;
  u64 stack_pointer = 0;
  GuestAddr pc;
};

struct Thread {
  ThreadId id = 0;
  u64 stack_pointer = 0, alternate_top = 0;
  u32 node = 0;
  u64 function = 0, index = 0;
  u64 accumulator = 1, argument = 0, linked = 0;
  std::array<Buffer, ToyProgram::jump_buffers + ToyProgram::handlers> buffers;
};

class Machine {
 public:
  Machine(History& history, std::mt19937& random) : h_(history), random_(random) {}
  void run(u64 most);

 private:
  u64 pick(u64 n) { return random_() % n; }
  bool chance(u64 percent) { return pick(100) < percent; }
  const ToyFunction& function(u64 n) const { return h_.program.functions[n]; }
  const Instruction& instruction() const { return function(t_->function).code[t_->index]; }
  Node& node() { return h_.nodes[t_->node]; }

  void add_thread(u64 start);
  void record(u8 phase = 0);
  void execute();
  void write(u64 address, u64 value);
  u64 read(u64 address) const { return h_.word(h_.points.size(), address); }
  void go(u64 function, u64 index, bool indirect);
  void go_to_pc(GuestAddr pc);
  void enter(u64 callee, Node::Kind kind, bool indirect);
  void leave(u64 popped);
  void deliver(GuestAddr resume_at);
  bool may_deliver() const;
  u64 depth() const;
  bool alive(const Buffer& buffer) const { return buffer.node != Node::none && h_.is_within(t_->node, buffer.node); }

  History& h_;
  std::mt19937& random_;
  std::vector<Thread> threads_;
  Thread* t_ = nullptr;
  u64 ticks_ = 1;
  bool ticked_ = false;
  u64 deepest_ = 0, signal_percent_ = 0;
  std::set<u64> repaired_;
  std::map<std::pair<u32, u64>, u64> counters_;
  std::map<u32, std::pair<u64, u64>> saved_;  // by trampoline: argument and link register of what was interrupted
};

void Machine::add_thread(u64 start) {
  const u64 n = threads_.size();
  Thread t;
  t.id = static_cast<ThreadId>(100 + n);
  const u64 top = 0x7000'0000'0000 + 0x100'0000 * n;
  t.alternate_top = top + (chance(50) ? 0x80'0000 : -u64{0x40'0000});
  t.stack_pointer = top - 8;
  t.node = static_cast<u32>(h_.nodes.size());
  t.function = start;
  h_.nodes.push_back({.kind = Node::Kind::root, .cfa = top, .function = start});
  threads_.push_back(t);
}

void Machine::run(u64 most) {
  deepest_ = 3 + pick(5);
  signal_percent_ = chance(50) ? pick(12) : 0;
  add_thread(0);
  if (chance(25)) {
    u64 start = 1;
    while (function(start).popped != 0 && start + 1 < h_.program.set_jump) ++start;
    add_thread(start);
  }
  t_ = &threads_[0];
  while (h_.points.size() < most && !h_.ended) {
    if (std::exchange(ticked_, false)) {
      if (threads_.size() > 1 && chance(20)) {
        t_ = t_ == &threads_[0] ? &threads_[1] : &threads_[0];
        ++ticks_;
      }
      if (chance(signal_percent_) && may_deliver()) {
        record();
        deliver(instruction().pc);
        continue;
      }
    }
    execute();
  }
}

u64 Machine::depth() const {
  u64 n = 0;
  for (u32 at = t_->node; at != Node::none; at = h_.nodes[at].parent) ++n;
  return n;
}

bool Machine::may_deliver() const { return depth() < deepest_ + 2; }

void Machine::record(u8 phase) {
  const Instruction& i = instruction();
  const bool returns_by_throw = t_->function == h_.program.unwinder && i.op == Op::ret;
  h_.points.push_back({.trace = {.time = {.ticks = ticks_, .pc = i.pc, .phase = phase},
                                 .stack_pointer = t_->stack_pointer,
                                 .thread = t_->id},
                       .node = t_->node,
                       .instruction = &i,
                       .unwindable = i.op != Op::long_jump && !returns_by_throw});
}

/// The instruction of the last point writes.
void Machine::write(u64 address, u64 value) {
  h_.writes[address].push_back({h_.points.size() - 1, read(address), value});
}

void Machine::go(u64 to_function, u64 index, bool indirect) {
  const GuestAddr from = h_.points.back().trace.time.pc, to = function(to_function).code[index].pc;
  t_->function = to_function;
  t_->index = index;
  if (indirect || to <= from) {
    ++ticks_;
    ticked_ = true;
  }
}

void Machine::go_to_pc(GuestAddr pc) {
  const auto [to_function, index] = h_.places.at(pc);
  go(to_function, index, true);
}

void Machine::enter(u64 callee, Node::Kind kind, bool indirect) {
  const Node& own = node();
  Node made{.kind = kind, .function = callee};
  if (kind == Node::Kind::tail) {
    made.parent = own.parent;
    made.cfa = own.cfa;
    made.back = own.back;
  } else {
    const Instruction& i = instruction();
    made.parent = t_->node;
    made.cfa = t_->stack_pointer;
    made.back = i.pc + i.size;
    t_->stack_pointer -= 8;
    write(t_->stack_pointer, made.back.value);
  }
  t_->node = static_cast<u32>(h_.nodes.size());
  h_.nodes.push_back(made);
  go(callee, 0, indirect);
}

void Machine::leave(u64 popped) {
  const Node own = node();
  if (own.parent == Node::none) {
    h_.ended = true;
    return;
  }
  const GuestAddr back{read(t_->stack_pointer)};
  t_->stack_pointer += 8 + popped;
  t_->node = own.function == h_.program.unwinder ? t_->buffers[t_->argument].node : own.parent;
  go_to_pc(back);
}

/// A handler begins; the point recorded last is where the thread was interrupted.
void Machine::deliver(GuestAddr resume_at) {
  const u64 sp = t_->stack_pointer;
  const bool alternate = sp + 0x10'0000 > t_->alternate_top && sp <= t_->alternate_top;
  const u64 top = !alternate && chance(40) ? t_->alternate_top : sp - red_zone;
  const u64 frame = ((top - frame_size) & ~u64{15}) - 8;
  write(frame, function(h_.program.restorer).entry.value);
  write(frame + 8 + ucontext_rsp, sp);
  write(frame + 8 + ucontext_rip, resume_at.value);
  const u32 trampoline = static_cast<u32>(h_.nodes.size());
  saved_[trampoline] = {t_->argument, t_->linked};
  h_.nodes.push_back({t_->node, Node::Kind::trampoline, sp, resume_at, h_.program.restorer});
  h_.nodes.push_back(
      {trampoline, Node::Kind::handler, frame + 8, function(h_.program.restorer).entry, h_.program.handler});
  t_->node = trampoline + 1;
  t_->stack_pointer = frame;
  t_->function = h_.program.handler;
  t_->index = 0;
  ++ticks_;
}

void Machine::execute() {
  record();
  const Instruction& i = instruction();
  const u64 next = t_->index + 1;
  const auto jump_if = [&](bool taken) {
    if (taken) {
      go(t_->function, i.target, false);
    } else {
      t_->index = next;
    }
  };
  t_->accumulator = t_->accumulator * 6364136223846793005u + 1442695040888963407u;
  switch (i.op) {
    case Op::work:
      t_->index = next;
      break;
    case Op::store:
      write(History::global_address(i.a), (t_->accumulator >> 40) % 4);
      t_->index = next;
      break;
    case Op::push:
      t_->stack_pointer -= 8;
      write(t_->stack_pointer, t_->accumulator);
      t_->index = next;
      break;
    case Op::alloc:
      t_->stack_pointer -= i.a;
      t_->index = next;
      break;
    case Op::release:
      t_->stack_pointer += i.a;
      t_->index = next;
      break;
    case Op::set:
      counters_[{t_->node, i.a}] = i.b;
      t_->index = next;
      break;
    case Op::loop:
      jump_if(--counters_[{t_->node, i.a}] != 0);
      break;
    case Op::branch:
      jump_if((t_->accumulator >> 33) % (i.a + 1) == 0);
      break;
    case Op::jump:
      go(t_->function, i.target, false);
      break;
    case Op::skip_deep:
      jump_if(depth() >= deepest_);
      break;
    case Op::call:
    case Op::call_indirect:
      enter(i.a, Node::Kind::call, i.op == Op::call_indirect);
      break;
    case Op::ret:
      leave(i.a);
      break;
    case Op::tail:
    case Op::tail_indirect:
      enter(i.a, Node::Kind::tail, i.op == Op::tail_indirect);
      break;
    case Op::link:
      t_->linked = i.a;
      t_->index = next;
      break;
    case Op::jump_linked:
      enter(t_->linked, Node::Kind::tail, true);
      break;
    case Op::argument:
      t_->argument = i.a;
      t_->index = next;
      break;
    case Op::skip_dead:
      jump_if(!alive(t_->buffers[t_->argument]));
      break;
    case Op::save:
      t_->buffers[t_->argument] = {node().parent, t_->stack_pointer + 8, node().back};
      t_->index = next;
      break;
    case Op::handle:
      t_->buffers[t_->argument] = {t_->node, t_->stack_pointer, function(t_->function).code[i.target].pc};
      t_->index = next;
      break;
    case Op::long_stack:
      t_->stack_pointer = t_->buffers[t_->argument].stack_pointer;
      t_->index = next;
      break;
    case Op::long_jump: {
      const Buffer& buffer = t_->buffers[t_->argument];
      t_->node = buffer.node;
      go_to_pc(buffer.pc);
      break;
    }
    case Op::throw_stack: {
      const Buffer& buffer = t_->buffers[t_->argument];
      t_->stack_pointer = buffer.stack_pointer - 8;
      write(t_->stack_pointer, buffer.pc.value);
      t_->index = next;
      break;
    }
    case Op::system_call:
      if (signal_percent_ > 0 && may_deliver() && chance(30)) {
        deliver(chance(50) ? i.pc : i.pc + i.size);
        break;
      }
      if (chance(20)) ++ticks_;
      t_->index = next;
      break;
    case Op::fault:
      if (may_deliver() && repaired_.insert(i.a).second) {
        record(1);
        deliver(i.pc);
        break;
      }
      t_->index = next;
      break;
    case Op::resume: {
      const Node trampoline = node();
      std::tie(t_->argument, t_->linked) = saved_.at(t_->node);
      t_->stack_pointer = trampoline.cfa;
      t_->node = trampoline.parent;
      go_to_pc(trampoline.back);
      break;
    }
  }
}
}  // namespace

const Instruction* History::at(GuestAddr pc) const {
  const auto found = places.find(pc);
  return found == places.end() ? nullptr : &program.functions[found->second.first].code[found->second.second];
}

u64 History::word(u64 point, u64 address) const {
  const auto found = writes.find(address);
  if (found == writes.end()) return 0;
  u64 value = 0;
  for (const Write& w : found->second) {
    if (w.point >= point) break;
    value = w.after;
  }
  return value;
}

std::optional<u64> History::find(const Time& time) const {
  const auto found = std::ranges::lower_bound(points, time, {}, [](const Point& p) { return p.trace.time; });
  if (found == points.end() || found->trace.time != time) return std::nullopt;
  return static_cast<u64>(found - points.begin());
}

bool History::is_within(u32 node, u32 ancestor) const {
  while (node != Node::none && node != ancestor) node = nodes[node].parent;
  return node == ancestor;
}

History run(ToyProgram program, std::mt19937& random, u64 most) {
  History history;
  history.program = std::move(program);
  for (u64 f = 0; f < history.program.functions.size(); ++f) {
    const std::vector<Instruction>& code = history.program.functions[f].code;
    for (u64 i = 0; i < code.size(); ++i) history.places[code[i].pc] = {f, i};
  }
  Machine(history, random).run(most);
  return history;
}

}  // namespace fred::toy
