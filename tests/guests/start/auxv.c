// What the kernel tells a program about itself: the auxiliary vector, and that it agrees with /proc.
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include "common.h"

extern char __executable_start, _end;

int main(int argc, char** argv) {
  (void)argc;
  CHECK_EQ(getauxval(AT_PAGESZ), 4096);
  CHECK_EQ(getauxval(AT_UID), getuid());
  CHECK_EQ(getauxval(AT_EUID), geteuid());
  CHECK_EQ(getauxval(AT_GID), getgid());
  CHECK_EQ(getauxval(AT_EGID), getegid());
  CHECK_EQ(getauxval(AT_SECURE), 0);
  CHECK_EQ(getauxval(AT_CLKTCK), sysconf(_SC_CLK_TCK));
  CHECK_EQ(getauxval(AT_PHENT), sizeof(ElfW(Phdr)));
  CHECK(strcmp((const char*)getauxval(AT_PLATFORM), "x86_64") == 0);
  CHECK(strcmp((const char*)getauxval(AT_EXECFN), argv[0]) == 0);
  CHECK(getauxval(AT_RANDOM) != 0);
  const char* base = &__executable_start;
  const ElfW(Phdr)* headers = (const ElfW(Phdr)*)getauxval(AT_PHDR);
  CHECK((const char*)headers > base && (const char*)headers < &_end);
  const ElfW(Ehdr)* elf = (const ElfW(Ehdr)*)base;
  CHECK(memcmp(elf->e_ident, ELFMAG, 4) == 0);
  CHECK_EQ(getauxval(AT_PHNUM), elf->e_phnum);
  CHECK_EQ((const char*)headers - base, elf->e_phoff);
  CHECK_EQ(getauxval(AT_ENTRY) - (uintptr_t)base, elf->e_entry);
  // The dynamic linker's base starts with an ELF header.
  CHECK(memcmp((const void*)getauxval(AT_BASE), ELFMAG, 4) == 0);

  // (ld.so gives AT_HWCAP a meaning of its own.)
  FILE* f = fopen("/proc/self/auxv", "r");
  CHECK(f != NULL);
  ElfW(auxv_t) entry;
  int entries = 0;
  while (f && fread(&entry, sizeof entry, 1, f) == 1 && entry.a_type != AT_NULL) {
    entries++;
    if (entry.a_type != AT_HWCAP && entry.a_type != AT_HWCAP2) CHECK_EQ(entry.a_un.a_val, getauxval(entry.a_type));
  }
  CHECK(entries > 10);
  if (f) fclose(f);

  const u64 vdso = getauxval(AT_SYSINFO_EHDR);
  if (vdso) CHECK(memcmp((const void*)vdso, ELFMAG, 4) == 0);
  return done();
}
