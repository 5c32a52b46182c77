// Reads of one area whose addresses no operand says: tests/unit/watches_test.cpp watches parts of it. What each step
// reads is told by writes to descriptor 1000 behind it (address, size); one without a size ends the step.
// build: -mavx2
// skip-if-no: avx2
#include <cpuid.h>
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

static u8 content(u64 i) { return (u8)(i * 7 + i / 256); }

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

/// The processor has AVX-512 with all lengths of vectors, and the kernel keeps its registers.
static int has_avx512(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b >> 16 & 1) == 0 || (b >> 31 & 1) == 0) return 0;
  __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (a & 0xe6) == 0xe6;
}

#define GATHER512(name, data, width, number, n)                                                                 \
  __asm__ volatile("vmovdqu64 %0, %%zmm" number "\n kmovw %1, %%k3\n" name " 64(%2,%%" width number ",4), %%" data \
                   "%{%%k3%}\n vzeroupper" ::"m"(*(const u8(*)[64])indices), "r"((int)mask), "r"(area)            \
                   : "xmm1", "xmm2");                                                                            \
  count = n

static void gather512(void) {
  static u8 indices[64];
  const u64 form = any(8), mask = any(65536);
  const int index_size = form >= 4 ? 8 : 4, size = form % 4 >= 2 ? 8 : 4;
  for (int i = 0; i < 64; i += index_size) {
    const long long index = (long long)any(16000);
    memcpy(indices + i, &index, (unsigned long)index_size);
  }
  int count = 0;
  switch (form) {
    case 0: GATHER512("vpgatherdd", "zmm2", "zmm", "1", 16); break;
    case 1: GATHER512("vgatherdps", "ymm20", "ymm", "17", 8); break;
    case 2: GATHER512("vpgatherdq", "zmm20", "ymm", "17", 8); break;
    case 3: GATHER512("vgatherdpd", "xmm20", "xmm", "1", 2); break;
    case 4: GATHER512("vpgatherqd", "ymm2", "zmm", "31", 8); break;
    case 5: GATHER512("vgatherqps", "xmm2", "ymm", "1", 4); break;
    case 6: GATHER512("vpgatherqq", "zmm20", "zmm", "1", 8); break;
    default: GATHER512("vgatherqpd", "zmm2", "zmm", "16", 8); break;
  }
  for (int i = 0; i < count; i++) {
    if ((mask >> i & 1) == 0) continue;
    long long index = 0;
    memcpy(&index, indices + i * index_size, (unsigned long)index_size);
    read_at(area + 64 + index * 4, (u64)size);
  }
  end_step();
}

#define ENTER(instruction, levels, n)                                                                             \
  __asm__ volatile("mov %%rsp, %%rcx\n mov %%rbp, %%rdx\n mov %0, %%rsp\n mov %1, %%rbp\n" instruction " $16, $"   \
                   #levels "\n mov %%rcx, %%rsp\n mov %%rdx, %%rbp" ::"D"(top), "S"(frame)                        \
                   : "rcx", "rdx", "memory");                                                                     \
  level = levels, size = n

/// enter copies the pointers to enclosing frames, which lie below the frame pointer.
static void frames(void) {
  static u8 stack[2048] __attribute__((aligned(16)));
  const u64 at = 58300 + any(3000);  // nothing changes the area there
  u8 *const top = stack + sizeof stack, *const frame = area + at;
  u64 level, size;
  switch (any(4)) {
    case 0: ENTER("enterq", 2, 8); break;
    case 1: ENTER("enterq", 7, 8); break;
    case 2: ENTER("enterq", 31, 8); break;
    default: ENTER("enterw", 5, 2); break;
  }
  const u64 copied = (level - 1) * size;
  for (u64 i = 1; i <= copied; i++) CHECK_EQ(top[-(long long)(size + i)], content(at - i));
  read_at(frame - copied, copied);
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
  for (unsigned i = 0; i < 61440; i++) area[i] = content(i);
  memcpy(area + 61500, "/", 2);
  MUST(pipe(ends));
  MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
  syscall(SYS_write, 1000, area, sizeof area, 1);
  const int wide = has_avx512();
  for (int i = 0; i < 500; i++) {
    switch (any(6)) {
      case 0: bit_strings(); break;
      case 1: table(); break;
      case 2: gather(); break;
      case 3: frames(); break;
      case 4:
        if (wide) {
          gather512();
        } else {
          gather();
        }
        break;
      default: system_calls(); break;
    }
  }
  syscall(SYS_write, 1000, area, sizeof area, 2);
  return done();
}
