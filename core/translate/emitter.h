// Writes machine code at a place in a code cache window. One method for each instruction form that the
// translator needs, named after what it emits; `slot` is a field of the state window (window_slot), reached
// rip-relative by the view of it that the code cache window has. The caller guarantees room.
#pragma once
#include <cstring>
#include <span>

#include "core/arch/x86/state_window.h"
#include "core/base/check.h"
#include "core/base/types.h"

namespace fred {

class Emitter {
 public:
  Emitter(CacheAddr at, CacheAddr view) : at_(at.ptr()), view_(view) {}

  CacheAddr here() const { return CacheAddr{reinterpret_cast<u64>(at_)}; }
  void bytes(std::span<const u8> code) {
    std::memcpy(at_, code.data(), code.size());
    at_ += code.size();
  }
  void byte(u8 v) { *at_++ = v; }
  void imm32(u32 v) {
    std::memcpy(at_, &v, 4);
    at_ += 4;
  }
  void imm64(u64 v) {
    std::memcpy(at_, &v, 8);
    at_ += 8;
  }
  void align(u64 n) {
    while (here().value % n != 0) byte(0xcc);
  }

  // --- moves between registers and window slots; none of them touches flags ---
  void mov_slot_reg(u32 slot, Gpr r) { slot_form(0x89, r, slot); }  // mov [slot], r
  void mov_reg_slot(Gpr r, u32 slot) { slot_form(0x8b, r, slot); }  // mov r, [slot]
  void mov_slot_imm(u32 slot, u32 v) {                              // mov dword [slot], v
    byte(0xc7), byte(0x05), slot_operand(slot, 4), imm32(v);
  }
  void mov_reg_imm64(Gpr r, u64 v) {  // mov r, v in the shortest form
    if (v <= 0xffffffff) {
      if (r >= 8) byte(0x41);
      byte(static_cast<u8>(0xb8 + (r & 7))), imm32(static_cast<u32>(v));
    } else if (static_cast<i64>(v) == static_cast<i32>(v)) {
      byte(r >= 8 ? 0x49 : 0x48), byte(0xc7), byte(static_cast<u8>(0xc0 + (r & 7))), imm32(static_cast<u32>(v));
    } else {
      byte(r >= 8 ? 0x49 : 0x48), byte(static_cast<u8>(0xb8 + (r & 7))), imm64(v);
    }
  }
  void mov_reg_reg(Gpr to, Gpr from) {  // mov to, from
    byte(static_cast<u8>(0x48 | (from >= 8 ? 4 : 0) | (to >= 8 ? 1 : 0))), byte(0x89);
    byte(static_cast<u8>(0xc0 | (from & 7) << 3 | (to & 7)));
  }
  void mov_reg_mem(Gpr to, Gpr base, i8 disp) {  // mov to, [base+disp]
    mem8_form(0x8b, to, base, disp);
  }
  void mov_mem_reg(Gpr base, i8 disp, Gpr from) {  // mov [base+disp], from
    mem8_form(0x89, from, base, disp);
  }
  void movzx_edx_cx() { byte(0x0f), byte(0xb7), byte(0xd1); }                                  // movzx edx, cx
  void movzx_ecx_slot16(u32 slot) { byte(0x0f), byte(0xb7), byte(0x0d), slot_operand(slot); }  // movzx ecx, word [slot]
  void movzx_ecx_cx() { byte(0x0f), byte(0xb7), byte(0xc9); }                                  // movzx ecx, cx
  void rorx_rcx_rcx(u8 n) {  // rorx rcx, rcx, n (BMI2): touches no flag
    byte(0xc4), byte(0xe3), byte(0xfb), byte(0xf0), byte(0xc9), byte(n);
  }
  // Memory below 2 GiB that is not in the state window's first page (low_address()).
  void mov_low_rcx(u32 address) { byte(0x48), byte(0x89), byte(0x0c), byte(0x25), imm32(address); }  // mov [a], rcx
  void mov_rcx_low(u32 address) { byte(0x48), byte(0x8b), byte(0x0c), byte(0x25), imm32(address); }  // mov rcx, [a]
  void movzx_ecx_table8_rcx(u32 table) {
    byte(0x0f), byte(0xb6), byte(0x89), imm32(table);
  }                                                                             // movzx ecx, byte [table+rcx]
  void lea_rcx_minus_one() { byte(0x48), byte(0x8d), byte(0x49), byte(0xff); }  // lea rcx, [rcx-1]
  /// A tick of the counter in `slot`: rcx is what is left of it then. No flag is touched. A signal handler that
  /// interrupts it behind the load completes it: Cpu::request_stop_from_handler knows this form.
  void count_tick_in_rcx(u32 slot) {
    mov_reg_slot(rcx, slot);
    lea_rcx_minus_one();
    mov_slot_reg(slot, rcx);
  }
  void lea_rcx_plus_one() { byte(0x48), byte(0x8d), byte(0x49), byte(0x01); }  // lea rcx, [rcx+1]
  void lea_rcx_rsp_rcx() { byte(0x48), byte(0x8d), byte(0x0c), byte(0x0c); }   // lea rcx, [rsp+rcx]
  void lea_rcx_rcx_rdx() { byte(0x48), byte(0x8d), byte(0x0c), byte(0x11); }   // lea rcx, [rcx+rdx]
  CacheAddr lea_rcx_rip() {  // lea rcx, [rip+…]; returns where the displacement lies
    byte(0x48), byte(0x8d), byte(0x0d);
    return rel32_hole();
  }
  void lea_rsp_disp(i32 d) {  // lea rsp, [rsp+d]
    byte(0x48), byte(0x8d);
    if (d == static_cast<i8>(d)) {
      byte(0x64), byte(0x24), byte(static_cast<u8>(d));
    } else {
      byte(0xa4), byte(0x24), imm32(static_cast<u32>(d));
    }
  }

  // --- stack ---
  void push_reg(Gpr r) {
    if (r >= 8) byte(0x41);
    byte(static_cast<u8>(0x50 + (r & 7)));
  }
  void pop_reg(Gpr r) {
    if (r >= 8) byte(0x41);
    byte(static_cast<u8>(0x58 + (r & 7)));
  }
  void push_imm32(i32 v) { byte(0x68), imm32(static_cast<u32>(v)); }  // push v, sign-extended
  /// push qword [rip+…]; returns where the displacement lies, for patch_rel32.
  CacheAddr push_rip() {
    byte(0xff), byte(0x35);
    return rel32_hole();
  }
  void pushfq() { byte(0x9c); }
  void popfq() { byte(0x9d); }
  void push_slot(u32 slot) { byte(0xff), byte(0x35), slot_operand(slot); }  // push qword [slot]
  void pop_slot(u32 slot) { byte(0x8f), byte(0x05), slot_operand(slot); }   // pop qword [slot]

  // --- transfers; each returns where the displacement lies ---
  CacheAddr jmp() {
    byte(0xe9);
    return rel32_hole();
  }
  CacheAddr jcc(u8 condition) {  // condition: the low four bits of the opcode
    byte(0x0f), byte(0x80 | condition);
    return rel32_hole();
  }
  CacheAddr jrcxz() {
    byte(0xe3), byte(0);
    return CacheAddr{here().value - 1};
  }
  CacheAddr jz_short() {
    byte(0x74), byte(0);
    return CacheAddr{here().value - 1};
  }
  CacheAddr jmp_short() {
    byte(0xeb), byte(0);
    return CacheAddr{here().value - 1};
  }
  void jmp_slot(u32 slot) { byte(0xff), byte(0x25), slot_operand(slot); }              // jmp [slot]
  void jmp_table_rdx(u32 table) { byte(0xff), byte(0x24), byte(0xd5), imm32(table); }  // jmp [table+rdx*8]
  void call_slot(u32 slot) { byte(0xff), byte(0x15), slot_operand(slot); }             // call [slot]
  void ret() { byte(0xc3); }

  // --- entering and leaving engine code ---
  void test_slot8(u32 slot, u8 mask) {  // test byte [slot], mask
    byte(0xf6), byte(0x05), slot_operand(slot, 1), byte(mask);
  }
  void cld() { byte(0xfc); }
  void rdfsbase_rdx() { byte(0xf3), byte(0x48), byte(0x0f), byte(0xae), byte(0xc2); }
  void rdgsbase_rdx() { byte(0xf3), byte(0x48), byte(0x0f), byte(0xae), byte(0xca); }
  void rdfsbase_rax() { byte(0xf3), byte(0x48), byte(0x0f), byte(0xae), byte(0xc0); }
  void wrfsbase_rax() { byte(0xf3), byte(0x48), byte(0x0f), byte(0xae), byte(0xd0); }
  void xsaveopt64_rcx() { byte(0x48), byte(0x0f), byte(0xae), byte(0x31); }  // xsaveopt64 [rcx]
  void xsave64_rcx() { byte(0x48), byte(0x0f), byte(0xae), byte(0x21); }     // xsave64 [rcx]
  void xrstor64_rcx() { byte(0x48), byte(0x0f), byte(0xae), byte(0x29); }    // xrstor64 [rcx]
  void vzeroupper() { byte(0xc5), byte(0xf8), byte(0x77); }
  void fninit() { byte(0xdb), byte(0xe3); }
  void ldmxcsr_slot(u32 slot) { byte(0x0f), byte(0xae), byte(0x15), slot_operand(slot); }

  static void patch_rel32(CacheAddr hole, CacheAddr target) {
    const i32 d = static_cast<i32>(target.value - (hole.value + 4));
    std::memcpy(hole.ptr(), &d, 4);
  }
  static void patch_rel8(CacheAddr hole, CacheAddr target) {
    const i64 d = static_cast<i64>(target.value - (hole.value + 1));
    FRED_CHECK(d == static_cast<i8>(d), "a short jump over {} bytes", d);
    *hole.ptr() = static_cast<u8>(d);
  }

 private:
  CacheAddr rel32_hole() {
    const auto hole = here();
    imm32(0);
    return hole;
  }
  /// The displacement of [rip+…]; `behind`: bytes of the instruction that follow it.
  void slot_operand(u32 slot, u32 behind = 0) {
    imm32(static_cast<u32>(view_.value + slot - (here().value + 4 + behind)));
  }
  void slot_form(u8 opcode, Gpr r, u32 slot) {
    byte(r >= 8 ? 0x4c : 0x48), byte(opcode), byte(static_cast<u8>((r & 7) << 3 | 5)), slot_operand(slot);
  }
  void mem8_form(u8 opcode, Gpr reg, Gpr base, i8 disp) {
    byte(static_cast<u8>(0x48 | (reg >= 8 ? 4 : 0) | (base >= 8 ? 1 : 0))), byte(opcode);
    byte(static_cast<u8>(0x40 | (reg & 7) << 3 | (base & 7)));
    if ((base & 7) == 4) byte(0x24);
    byte(static_cast<u8>(disp));
  }

  u8* at_;
  CacheAddr view_;
};

}  // namespace fred
