// Reads of one area whose addresses no operand says: tests/unit/watches_test.cpp watches parts of it. What each step
// reads is told by writes to descriptor 1000 behind it (address, size); one without a size ends the step.
// build: -mavx2
// skip-if-no: avx2
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "common.h"

static u8 area[65536] __attribute__((aligned(4096)));
static u64 seed = 88172645463325252ull;

static u64 any(u64 below) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed % below;
}
static void read_at(const void *at, u64 size) { syscall(SYS_write, 1000, at, size, 7); }
static void end_step(void) { syscall(SYS_write, 1000, area, 0ul, 7); }

static void bit_strings(void) {
  u8 *const middle = area + 32768;
  const long long bit = (long long)any(400000) - 200000;
  const short near_bit = (short)bit;
  const int bit32 = (int)bit;
  switch (any(6)) {
    case 0:
      __asm__ volatile("bt %0, (%1)" ::"r"(bit), "r"(middle) : "cc");
      read_at(middle + (bit >> 6) * 8, 8);
      break;
    case 1:
      __asm__ volatile("bt %0, 16(%1)" ::"r"(bit32), "r"(middle) : "cc");
      read_at(middle + 16 + (bit32 >> 5) * 4, 4);
      break;
    case 2:
      __asm__ volatile("bt %0, 3(%1,%2,4)" ::"r"(near_bit), "r"(middle), "r"(5ul) : "cc");
      read_at(middle + 23 + (near_bit >> 4) * 2, 2);
      break;
    case 3:
      __asm__ volatile("lock bts %0, (%1)" ::"r"(bit), "r"(middle) : "cc", "memory");
      read_at(middle + (bit >> 6) * 8, 8);
      break;
    case 4:
      __asm__ volatile("btc %0, (%1)" ::"r"(bit32), "r"(middle) : "cc", "memory");
      read_at(middle + (bit32 >> 5) * 4, 4);
      break;
    default:
      __asm__ volatile("btl $37, (%0)" ::"r"(middle + near_bit) : "cc");
      read_at(middle + near_bit, 4);
      break;
  }
  end_step();
}

static void table(void) {
  u8 *const at = area + any(65000);
  const u8 index = (u8)any(256);
  __asm__ volatile("xlat" ::"a"(0x5500 | index), "b"(at));
  read_at(at + index, 1);
  end_step();
}

#define GATHER(name, width, index_width, n)                                                                     \
  __asm__ volatile("vmovdqu %0, %%ymm1\n vmovdqu %1, %%ymm2\n" name " %%" width "2, 64(%2,%%" index_width        \
                   "1,4), %%" width "0\n vzeroupper" ::"m"(*indices), "m"(*masks), "r"(area)                     \
                   : "xmm0", "xmm1", "xmm2");                                                                    \
  count = n

static void gather(void) {
  static u8 indices[32], masks[32];
  const u64 form = any(8);
  const int wide_index = form >= 4, wide_data = form % 4 >= 2;
  const int index_size = wide_index ? 8 : 4, size = wide_data ? 8 : 4;
  for (int i = 0; i < 32; i += index_size) {
    const long long index = (long long)any(16000);
    memcpy(indices + i, &index, (unsigned long)index_size);
  }
  for (int i = 0; i < 32; i++) masks[i] = (u8)any(256);
  int count = 0;
  switch (form) {
    case 0: GATHER("vpgatherdd", "ymm", "ymm", 8); break;
    case 1: GATHER("vgatherdps", "xmm", "xmm", 4); break;
    case 2: GATHER("vpgatherdq", "ymm", "xmm", 4); break;
    case 3: GATHER("vgatherdpd", "xmm", "xmm", 2); break;
    case 4: GATHER("vpgatherqd", "xmm", "ymm", 4); break;
    case 5: GATHER("vgatherqps", "xmm", "xmm", 2); break;
    case 6: GATHER("vpgatherqq", "ymm", "ymm", 4); break;
    default: GATHER("vgatherqpd", "xmm", "xmm", 2); break;
  }
  for (int i = 0; i < count; i++) {
    if ((masks[i * size + size - 1] & 0x80) == 0) continue;
    long long index = 0;
    memcpy(&index, indices + i * index_size, (unsigned long)index_size);
    read_at(area + 64 + index * 4, (u64)size);
  }
  end_step();
}

static int ends[2], sockets[2];
static u8 sink[4096];

static void system_calls(void) {
  u8 *const at = area + any(60000);
  const u64 size = 1 + any(900);
  switch (any(6)) {
    case 0:
      MUST(write(ends[1], at, size));
      MUST(read(ends[0], sink, sizeof sink));
      read_at(at, size);
      break;
    case 1: {
      struct iovec parts[3] = {{at, size}, {area + 5, 0}, {area + 64000, 17}};
      MUST(writev(ends[1], parts, 3));
      MUST(read(ends[0], sink, sizeof sink));
      read_at(at, size);
      read_at(area + 64000, 17);
      break;
    }
    case 2:
      MUST(send(sockets[0], at, size, 0));
      MUST(recv(sockets[1], sink, sizeof sink, 0));
      read_at(at, size);
      break;
    case 3: {
      struct timespec *const nothing = (struct timespec *)(area + 61440);
      syscall(SYS_nanosleep, nothing, NULL);
      read_at(nothing, sizeof *nothing);
      break;
    }
    case 4:
      syscall(SYS_rt_sigprocmask, SIG_BLOCK, area + 61440, NULL, 8);
      read_at(area + 61440, 8);
      break;
    default:
      MUST(syscall(SYS_access, (char *)area + 61500, F_OK));
      read_at(area + 61500, 2);
      break;
  }
  end_step();
}

int main(void) {
  for (unsigned i = 0; i < 61440; i++) area[i] = (u8)(i * 7 + i / 256);
  memcpy(area + 61500, "/", 2);
  MUST(pipe(ends));
  MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
  syscall(SYS_write, 1000, area, sizeof area, 1);
  for (int i = 0; i < 400; i++) {
    switch (any(4)) {
      case 0: bit_strings(); break;
      case 1: table(); break;
      case 2: gather(); break;
      default: system_calls(); break;
    }
  }
  syscall(SYS_write, 1000, area, sizeof area, 2);
  return done();
}
