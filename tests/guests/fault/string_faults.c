// String instructions stopped in the middle by a fault: the registers tell exactly how far they came, and
// after the handler has mapped the page they go on and finish.
#include "fault/probe.h"

SNIPPET(movsb, "nop", "rep movsb");
SNIPPET(movsq, "nop", "rep movsq");
SNIPPET(movsb_down, "std", "rep movsb");
SNIPPET(stosb, "nop", "rep stosb");
SNIPPET(stosq, "nop", "rep stosq");
SNIPPET(stosl_down, "std", "rep stosl");
SNIPPET(lodsw, "nop", "rep lodsw");
SNIPPET(cmpsb, "cmp %rax, %rax", "repe cmpsb");
SNIPPET(scasb, "xor %eax, %eax\n inc %eax", "repne scasb");

static u8 *source, *target;  // five pages each
static int faults;

static void open_page(int sig, siginfo_t* info, void* context) {
  (void)sig;
  const ucontext_t* c = context;
  u8* page = (u8*)((uintptr_t)info->si_addr & ~4095UL);
  const long from = c->uc_mcontext.gregs[REG_RSI] - (long)source, to = c->uc_mcontext.gregs[REG_RDI] - (long)target;
  printf("fault %d: rcx %lld rsi+%ld rdi+%ld %s page %ld\n", faults++, c->uc_mcontext.gregs[REG_RCX],
         labs(from) < 30000 ? from : 0, labs(to) < 30000 ? to : 0, page < target ? "source" : "target",
         (page - (page < target ? source : target)) / 4096);
  MUST(mprotect(page, 4096, PROT_READ | PROT_WRITE));
}

static void close_pages(u8* p) { MUST(mprotect(p + 4096, 3 * 4096, PROT_NONE)); }
static void open_pages(u8* p) { MUST(mprotect(p, 5 * 4096, PROT_READ | PROT_WRITE)); }

int main(void) {
  probe_setup();
  u8* both = map_pages(10, PROT_READ | PROT_WRITE);
  source = both, target = both + 5 * 4096;
  for (int i = 0; i < 5 * 4096; i++) source[i] = (u8)(i * 7 + i / 256);

  // First: the exact state, no repair.
  const struct {
    Snippet snippet;
    int size, down, uses_source, uses_target;
  } rows[] = {
      {SNIPPET_ROW(movsb), 1, 0, 1, 1}, {SNIPPET_ROW(movsq), 8, 0, 1, 1}, {SNIPPET_ROW(movsb_down), 1, 1, 1, 1},
      {SNIPPET_ROW(stosb), 1, 0, 0, 1}, {SNIPPET_ROW(stosq), 8, 0, 0, 1}, {SNIPPET_ROW(stosl_down), 4, 1, 0, 1},
      {SNIPPET_ROW(lodsw), 2, 0, 1, 0}, {SNIPPET_ROW(scasb), 1, 0, 0, 1},
  };
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    memset(target, 0, 5 * 4096);
    MUST(mprotect((rows[i].uses_target ? target : source) + 8192, 4096, PROT_NONE));
    Registers in = probe_pattern();
    const int start = rows[i].down ? 4 * 4096 - 64 : 64;
    const int distance = rows[i].down ? 4096 - 64 + rows[i].size : 8192 - 64;
    const int steps = rows[i].down ? (distance + rows[i].size - 1) / rows[i].size : distance / rows[i].size;
    in.rcx = 16000 / rows[i].size, in.rsi = (u64)source + start, in.rdi = (u64)target + start;
    probe(rows[i].snippet.twin, &in);
    Registers want = probe_caught.registers;
    probe(rows[i].snippet.code, &in);
    const int moved = rows[i].down ? -steps * rows[i].size : steps * rows[i].size;
    want.rcx -= steps;
    if (rows[i].uses_source) want.rsi += moved;
    if (rows[i].uses_target) want.rdi += moved;
    want.rax = probe_caught.registers.rax, want.flags = probe_caught.registers.flags;
    const u64 place = rows[i].uses_target ? probe_caught.registers.rdi : probe_caught.registers.rsi;
    probe_expect(rows[i].snippet.name, SIGSEGV, SEGV_ACCERR, place, (u64)rows[i].snippet.at);
    probe_check(rows[i].snippet.name, &want);
    open_pages(source), open_pages(target);
  }

  // Then: mapped by the handler, and finished.
  on_signal(SIGSEGV, open_page, SA_ONSTACK);
  u8 expected[5 * 4096];
  close_pages(source), close_pages(target);
  const u8* from = source + 3;
  u8* to = target + 50;
  size_t n = 17000;
  __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
  CHECK_EQ(n, 0);
  CHECK(memcmp(source + 3, target + 50, 17000) == 0);
  close_pages(target);
  memset(expected, 0x5a, sizeof expected);
  to = target, n = 5 * 512;
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(0x5a5a5a5a5a5a5a5a) : "memory");
  CHECK(memcmp(target, expected, sizeof expected) == 0);
  close_pages(target), close_pages(source);
  to = target + 5 * 4096 - 4, from = source + 5 * 4096 - 4, n = 5000;
  __asm__ volatile("std\n rep movsl\n cld" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
  CHECK(memcmp(source + 480, target + 480, 20000) == 0);
  memcpy(target, source, 5 * 4096);
  target[14000] ^= 1;
  close_pages(target), close_pages(source);
  from = source, to = target, n = 5 * 4096;
  int equal;
  __asm__ volatile("repe cmpsb\n sete %b3" : "+S"(from), "+D"(to), "+c"(n), "=q"(equal) : : "memory", "cc");
  printf("differs at %ld, %zu left\n", (long)(from - source), n);
  CHECK_EQ(from - source, 14001);
  memset(target, 1, 5 * 4096);
  target[9999] = 0;
  close_pages(target);
  to = target, n = -1UL;
  __asm__ volatile("repne scasb" : "+D"(to), "+c"(n) : "a"(0) : "memory", "cc");
  CHECK_EQ(to - target, 10000);
  printf("%d faults\n", faults);
  return done();
}
