// Random programs of a toy machine that has what makes stepping hard on x86-64: calls and `ret n`, recursion, tail
// calls, PLT stubs and a resolver, setjmp and longjmp, exceptions that return into a landing pad, signal handlers,
// faults, interrupted system calls, functions without lines or without a prologue, inlined code, lines with several
// ranges.
#pragma once
#include <random>
#include <vector>

#include "core/base/types.h"

namespace fred::toy {

enum class Op : u8 {
  work,           // changes the accumulator
  store,          // writes it (or a part) to global `a`
  push,           // 8 bytes
  alloc,          // rsp -= a
  release,        // rsp += a
  set,            // loop counter `a` of this frame = b
  loop,           // counter `a` of this frame -= 1; to `target` unless it is 0
  branch,         // to `target` if the accumulator says so
  jump,           // to `target`
  skip_deep,      // to `target` if the stack is deep
  call,           // function `a`
  call_indirect,  // function `a`
  ret,            // pops `a` bytes more
  tail,           // jumps to function `a`
  tail_indirect,  // jumps to function `a`
  link,           // the function that the resolver jumps to = a
  jump_linked,    // jumps there
  argument,       // which buffer setjmp, longjmp and the unwinder use = a
  skip_dead,      // to `target` unless the buffer was set in a frame that is still there
  save,           // inside setjmp: the buffer = how setjmp returns
  long_stack,     // inside longjmp: rsp = the buffer's
  long_jump,      // inside longjmp
  handle,         // the buffer = this frame and the landing pad `target`
  throw_stack,    // inside the unwinder: rsp such that the return there goes to the landing pad
  system_call,    // may be interrupted by a signal
  fault,          // raises a fault that the handler repairs
  resume,         // rt_sigreturn
};

struct Instruction {
  Op op{};
  u8 size = 1;
  u64 a = 0, b = 0;
  u64 target = 0;  // index in the function
  GuestAddr pc{};
  u32 line = 0;  // 0: none
  bool statement = false;
  u32 inline_depth = 0;
  std::vector<GuestAddr> skipped_calls{};
};

struct ToyFunction {
  GuestAddr entry, end;
  u64 body = 0;  // index in code
  bool lines = false, trampoline = false;
  u64 popped = 0;  // by its return, beside the return address
  std::vector<Instruction> code;
};

struct ToyProgram {
  static constexpr u64 jump_buffers = 2, handlers = 2;  // handlers are the buffers behind those of setjmp
  static constexpr u64 globals = 4;

  std::vector<ToyFunction> functions;  // 0 is where the program begins
  u64 set_jump = 0, long_jump = 0, unwinder = 0, restorer = 0, handler = 0;
};

ToyProgram random_program(std::mt19937& random);

}  // namespace fred::toy
