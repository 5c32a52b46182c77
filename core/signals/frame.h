// The signal frame of x86-64 Linux, byte for byte (arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h).
#pragma once
#include <csignal>

#include "core/arch/x86/state_window.h"
#include "core/base/types.h"

namespace fred {

struct SigContext {
  u64 r8, r9, r10, r11, r12, r13, r14, r15;
  u64 di, si, bp, bx, dx, ax, cx, sp, ip;
  u64 flags;
  u16 cs, gs, fs, ss;
  u64 err, trapno, oldmask, cr2;
  u64 fpstate;  // address of the XSAVE image
  u64 reserved[8];
};
static_assert(sizeof(SigContext) == 256);

struct RtSigFrame {
  u64 pretcode;
  u64 uc_flags, uc_link;
  u64 stack_sp;
  i32 stack_flags;
  u32 stack_pad;
  u64 stack_size;
  SigContext context;
  u64 mask;
  siginfo_t info;
};
static_assert(sizeof(RtSigFrame) == 8 + 16 + 24 + 256 + 8 + 128);

// uc_flags: an XSAVE image is there; SS is saved and restored.
inline constexpr u64 uc_fp_xstate = 1, uc_sigcontext_ss = 2, uc_strict_restore_ss = 4;

/// In the last 48 bytes of the image's legacy area (struct _fpx_sw_bytes).
struct FpxSoftware {
  u32 magic1, extended_size;
  u64 xfeatures;
  u32 xstate_size;
  u32 padding[7];
};
static_assert(sizeof(FpxSoftware) == 48);
inline constexpr u32 fp_xstate_magic1 = 0x46505853, fp_xstate_magic2 = 0x46505845;
inline constexpr u64 fpx_software_offset = 464;

/// Of an image of that many bytes with these components.
constexpr FpxSoftware fpx_software(u32 size, u64 components) {
  return {.magic1 = fp_xstate_magic1,
          .extended_size = size + u32{sizeof fp_xstate_magic2},
          .xfeatures = components,
          .xstate_size = size,
          .padding = {}};
}

inline constexpr u16 user_cs = 0x33, user_ss = 0x2b;
inline constexpr u64 red_zone = 128;

/// With no fault, and the image of the vector state at `fpstate`.
constexpr SigContext sig_context(const Registers& registers, u64 fpstate) {
  const auto& g = registers.gpr;
  return {.r8 = g[r8],
          .r9 = g[r9],
          .r10 = g[r10],
          .r11 = g[r11],
          .r12 = g[r12],
          .r13 = g[r13],
          .r14 = g[r14],
          .r15 = g[r15],
          .di = g[rdi],
          .si = g[rsi],
          .bp = g[rbp],
          .bx = g[rbx],
          .dx = g[rdx],
          .ax = g[rax],
          .cx = g[rcx],
          .sp = g[rsp],
          .ip = registers.rip,
          .flags = registers.rflags,
          .cs = user_cs,
          .gs = 0,
          .fs = 0,
          .ss = user_ss,
          .err = 0,
          .trapno = 0,
          .oldmask = 0,
          .cr2 = 0,
          .fpstate = fpstate,
          .reserved = {}};
}

}  // namespace fred
