// A minimal assembler for the guests that make code: int f(void) returning a constant, and int f(int).
#pragma once
#include "common.h"

typedef int (*Function)(int);

/// mov $value, %eax; ret. Six bytes.
__attribute__((unused)) static void put_constant(u8* at, int value) {
  at[0] = 0xb8;
  memcpy(at + 1, &value, 4);
  at[5] = 0xc3;
}

/// lea value(%rdi), %eax; ret. Seven bytes.
__attribute__((unused)) static void put_add(u8* at, int value) {
  at[0] = 0x8d, at[1] = 0x87;
  memcpy(at + 2, &value, 4);
  at[6] = 0xc3;
}

__attribute__((unused)) static int call_code(const u8* at, int argument) {
  __asm__ volatile("" : "+r"(at) : : "memory");  // the compiler does not know that the call reads the bytes
  return ((Function)(uintptr_t)at)(argument);
}
enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC, RWX = PROT_READ | PROT_WRITE | PROT_EXEC };
