// The signal frame of x86-64 Linux, byte for byte (arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h).
#pragma once
#include <csignal>

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

inline constexpr u16 user_cs = 0x33, user_ss = 0x2b;
inline constexpr u64 red_zone = 128;

}  // namespace fred
