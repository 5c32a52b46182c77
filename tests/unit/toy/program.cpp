#include "tests/unit/toy/program.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace fred::toy {
namespace {
constexpr u64 any = ~u64{0};

class Builder {
 public:
  explicit Builder(std::mt19937& random) : random_(random) {}
  ToyProgram build();

 private:
  u64 pick(u64 n) { return random_() % n; }
  bool chance(u64 percent) { return pick(100) < percent; }
  ToyFunction& f() { return program_.functions[at_]; }
  u64 here() { return f().code.size(); }
  Instruction& emit(Op op, u64 a = 0, u64 b = 0);
  void to_here(u64 from) { f().code[from].target = here(); }
  void new_line() {
    line_ = ++lines_;
    statement_ = !chance(4);
  }

  void user_function(u64 index);
  void end_function();
  void statements(u64 count, int depth);
  void statement(int depth);
  void call();
  void call_with_arguments(u64 callee);
  void loop(int depth);
  void set_jump();
  void landing(int depth);
  void leave_frames();
  void helper_functions();
  template <class Emit>
  u64 helper(bool trampoline, const Emit& emit_code);
  void place();

  std::mt19937& random_;
  ToyProgram program_;
  u64 at_ = 0;  // the function that is built
  u64 user_functions_ = 0;
  u64 counters_ = 0;
  std::vector<u64> stubs_;  // the PLT stub of each user function
  u32 line_ = 0, lines_ = 0;
  bool statement_ = true;
  bool one_line_ = false;
  u32 inline_depth_ = 0;
  u64 inlined_calls_ = 0;
  std::vector<GuestAddr> skipped_calls_;
};

Instruction& Builder::emit(Op op, u64 a, u64 b) {
  Instruction i{.op = op, .size = static_cast<u8>(1 + pick(6)), .a = a, .b = b};
  if (op == Op::call) i.size = 5;
  if (op == Op::call_indirect) i.size = static_cast<u8>(2 + pick(6));
  if (op == Op::system_call || op == Op::resume) i.size = 2;
  if (op == Op::ret) i.size = a != 0 ? 3 : 1;
  if (f().lines) {
    i.line = line_;
    i.statement = std::exchange(statement_, false);
    i.inline_depth = inline_depth_;
    i.skipped_calls = skipped_calls_;
  }
  f().code.push_back(i);
  return f().code.back();
}

ToyProgram Builder::build() {
  user_functions_ = 3 + pick(5);
  program_.functions.resize(user_functions_);
  for (u64 i = 0; i < user_functions_; ++i) {
    program_.functions[i].lines = chance(i == 0 ? 90 : 75);
    program_.functions[i].popped = i != 0 && chance(15) ? 16 : 0;
  }
  program_.handler = 1 + pick(user_functions_ - 1);
  program_.functions[program_.handler].popped = 0;
  helper_functions();
  for (u64 i = 0; i < user_functions_; ++i) user_function(i);
  place();
  return std::move(program_);
}

template <class Emit>
u64 Builder::helper(bool trampoline, const Emit& emit_code) {
  program_.functions.emplace_back().trampoline = trampoline;
  at_ = program_.functions.size() - 1;
  emit_code();
  return at_;
}

void Builder::helper_functions() {
  program_.set_jump = helper(false, [&] {
    emit(Op::save);
    emit(Op::ret);
  });
  program_.long_jump = helper(false, [&] {
    for (u64 n = pick(3); n > 0; --n) emit(Op::push);
    emit(Op::long_stack);
    emit(Op::long_jump);
  });
  program_.unwinder = helper(false, [&] {
    emit(Op::alloc, 32);
    for (u64 n = pick(8); n > 0; --n) emit(Op::work);
    emit(Op::throw_stack);
    emit(Op::ret);
  });
  program_.restorer = helper(false, [&] { emit(Op::resume); });
  const u64 resolver = helper(true, [&] {
    for (u64 n = pick(4); n > 0; --n) emit(Op::work);
    emit(Op::release, 16);
    emit(Op::jump_linked);
  });
  for (u64 i = 0; i < user_functions_; ++i) {
    stubs_.push_back(helper(true, [&] {
      if (chance(50)) {
        emit(Op::tail_indirect, i);
        return;
      }
      emit(Op::link, i);
      emit(Op::push);
      emit(Op::push);
      emit(Op::tail, resolver);
    }));
  }
}

void Builder::user_function(u64 index) {
  at_ = index;
  counters_ = 0;
  one_line_ = chance(15);
  new_line();
  statement_ = true;
  const bool prologue = chance(80);
  if (prologue) {
    emit(Op::push);
    emit(Op::alloc, 48);
    f().body = here();
  } else {
    f().body = 0;
  }
  if (!one_line_ && prologue && chance(85)) new_line();
  statement_ = true;
  // The loop counters of a frame lie below its canonical address whether there is a prologue or not (a red zone).
  statements(1 + pick(5), 0);
  if (!one_line_) new_line();
  statement_ = true;
  if (prologue) {
    emit(Op::release, 48);
    emit(Op::release, 8);
  }
  end_function();
}

void Builder::end_function() {
  if (at_ != 0 && chance(20)) {
    const u64 other = 1 + pick(user_functions_ - 1);
    const bool itself_without_lines = other == at_ && !f().lines;
    if (program_.functions[other].popped == f().popped && !itself_without_lines) {
      const u64 skip = here();
      emit(Op::skip_deep);
      emit(chance(50) ? Op::tail : Op::tail_indirect, chance(25) ? stubs_[other] : other);
      to_here(skip);
    }
  }
  emit(Op::ret, f().popped);
}

void Builder::statements(u64 count, int depth) {
  for (; count > 0; --count) {
    if (!one_line_ && !chance(10)) new_line();
    if (chance(30)) statement_ = true;
    statement(depth);
  }
}

void Builder::statement(int depth) {
  switch (pick(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return call();
    case 4:
    case 5:
      if (depth < 2) return loop(depth);
      break;
    case 6: {
      const u64 skip = here();
      emit(Op::branch, 1 + pick(3));
      emit(Op::work);
      if (depth < 2) statements(1 + pick(2), depth + 1);
      to_here(skip);
      break;
    }
    case 7:
      return set_jump();
    case 8:
    case 9:
      return leave_frames();
    case 10:
      return landing(depth);
    case 11:
      emit(Op::system_call);
      break;
    case 12:
      emit(Op::fault, pick(8));
      break;
    case 13:
      if (depth < 2 && inline_depth_ < 2) {
        const u32 line = line_;
        emit(Op::work);
        const auto outside = skipped_calls_;
        if (chance(40)) skipped_calls_.push_back(GuestAddr{++inlined_calls_});
        ++inline_depth_;
        statements(1 + pick(2), depth + 1);
        --inline_depth_;
        skipped_calls_ = outside;
        line_ = line;
        emit(Op::work);
      }
      break;
    default:
      break;
  }
  emit(Op::work);
  if (chance(50)) emit(Op::store, pick(ToyProgram::globals));
}

void Builder::call() {
  const u64 skip = here();
  emit(Op::skip_deep);
  const u64 callee = 1 + pick(user_functions_ - 1);
  call_with_arguments(callee);
  if (chance(60)) emit(Op::work);
  to_here(skip);
  if (chance(40)) emit(Op::store, pick(ToyProgram::globals));
  emit(Op::work);
}

void Builder::call_with_arguments(u64 callee) {
  const u64 popped = program_.functions[callee].popped;
  u64 words = popped / 8;
  if (popped == 0 && chance(20)) words = 1 + pick(2);
  for (u64 n = 0; n < words; ++n) emit(Op::push);
  if (chance(50)) emit(Op::work);
  emit(chance(30) ? Op::call_indirect : Op::call, chance(25) ? stubs_[callee] : callee);
  if (popped == 0 && words > 0) emit(Op::release, 8 * words);
}

/// As compilers do: the condition at the end, on the line of the beginning; or all on one line.
void Builder::loop(int depth) {
  const u32 line = line_;
  const u64 counter = counters_++;
  if (counter >= 4) return;
  emit(Op::set, counter, 1 + pick(4));
  const bool test_first = chance(50);
  const u64 jump = here();
  if (test_first) emit(Op::jump);
  const u64 body = here();
  if (!one_line_ && chance(80)) new_line();
  statement_ = true;
  statements(1 + pick(2), depth + 1);
  line_ = line;
  statement_ = true;
  if (chance(50)) emit(Op::work);
  if (test_first) to_here(jump);
  emit(Op::loop, counter).target = body;
}

void Builder::set_jump() {
  emit(Op::argument, pick(ToyProgram::jump_buffers));
  emit(chance(50) ? Op::call : Op::call_indirect, program_.set_jump);
  emit(Op::work);
}

void Builder::leave_frames() {
  const bool throws = chance(40);
  emit(Op::argument, throws ? ToyProgram::jump_buffers + pick(ToyProgram::handlers) : pick(ToyProgram::jump_buffers));
  const u64 skip = here();
  emit(Op::skip_dead);
  u64 words = chance(30) ? 1 + pick(2) : 0;
  for (u64 n = 0; n < words; ++n) emit(Op::push);
  emit(Op::call, throws ? program_.unwinder : program_.long_jump);
  to_here(skip);
  emit(Op::work);
}

void Builder::landing(int depth) {
  emit(Op::argument, ToyProgram::jump_buffers + pick(ToyProgram::handlers));
  const u64 handle = here();
  emit(Op::handle);
  statements(1 + pick(2), depth + 1);
  const u64 over = here();
  emit(Op::jump);
  if (!one_line_) new_line();
  statement_ = true;
  to_here(handle);
  emit(Op::work);
  to_here(over);
  emit(Op::work);
}

/// Gives addresses: functions in any order, with gaps or without.
void Builder::place() {
  std::vector<u64> order(program_.functions.size());
  std::iota(order.begin(), order.end(), u64{0});
  std::ranges::shuffle(order, random_);
  GuestAddr at{0x401000};
  for (const u64 index : order) {
    ToyFunction& function = program_.functions[index];
    function.entry = at;
    for (Instruction& i : function.code) {
      i.pc = at;
      at = at + i.size;
    }
    function.end = at;
    if (chance(60)) at = at + pick(32);
  }
}
}  // namespace

ToyProgram random_program(std::mt19937& random) { return Builder(random).build(); }

}  // namespace fred::toy
