// build: -mno-red-zone
// Vector instructions that read and write shared memory, whole or masked, gathers and scatters, the x87 unit, and
// images of the processor's state there.
#include "forms.h"

FORMS(sse)
FORM("movups 3(%rbx), %xmm0; movups %xmm0, (%r8)")
FORM("movups (%r8), %xmm2; movups %xmm2, 5(%rbx)")
FORM("movaps 16(%rbx), %xmm1; movaps %xmm1, 32(%rbx)")
FORM("movdqu 7(%rbx), %xmm9; movdqa %xmm9, 48(%rbx)")
FORM("movdqa 64(%rbx), %xmm3; movdqu %xmm3, 1(%rbx)")
FORM("movapd 16(%rbx), %xmm1; movupd %xmm1, 33(%rbx)")
FORM("movss 3(%rbx), %xmm0; movups %xmm0, (%r8)")
FORM("movsd 3(%rbx), %xmm0; movups %xmm0, (%r8)")
FORM("movups (%r8), %xmm0; movss %xmm0, 7(%rbx); movsd %xmm0, 21(%rbx)")
FORM("movups (%r8), %xmm0; movlps 8(%rbx), %xmm0; movhps 3(%rbx), %xmm0; movups %xmm0, 32(%r8)")
FORM("movups (%r8), %xmm0; movlpd %xmm0, 9(%rbx); movhpd %xmm0, 32(%rbx)")
FORM("movd 5(%rbx), %xmm0; movq 11(%rbx), %xmm1; movups %xmm0, (%r8); movups %xmm1, 16(%r8)")
FORM("movups (%r8), %xmm0; movd %xmm0, 5(%rbx); movq %xmm0, 11(%rbx)")
FORM("movups (%r8), %xmm0; movntdq %xmm0, 16(%rbx); movntps %xmm0, 64(%rbx); sfence")
FORM("movdqu (%r8), %xmm0; movdqu 16(%r8), %xmm1; lea 5(%rbx), %rdi; maskmovdqu %xmm1, %xmm0")
FORM("movups (%r8), %xmm0; paddd 16(%rbx), %xmm0; pxor 32(%rbx), %xmm0; movups %xmm0, (%r8)")
FORM("movups (%r8), %xmm0; punpcklbw 16(%rbx), %xmm0; pinsrw $3, 7(%rbx), %xmm0; movups %xmm0, (%r8)")
FORM("pshufd $27, 16(%rbx), %xmm1; movups %xmm1, (%r8)")
FORM("movups (%r8), %xmm1; shufps $0x4e, 16(%rbx), %xmm1; movups %xmm1, (%r8)")
FORM(
    "movups (%r8), %xmm0; movups %xmm0, %xmm1; cvtsi2sdl 4(%rbx), %xmm0; cvtsi2ssq 16(%rbx), %xmm1; movups %xmm0, "
    "(%r8); movups %xmm1, 16(%r8)")
FORM(
    "cvtsi2sdl 4(%rbx), %xmm0; movsd %xmm0, 8(%rbx); cvttsd2si 8(%rbx), %rax; addsd 8(%rbx), %xmm0; movsd %xmm0, (%r8)")
FORM("movups (%r8), %xmm0; comisd 8(%rbx), %xmm0")
FORM("cmpltps 16(%rbx), %xmm0; sqrtpd 32(%rbx), %xmm1; movups %xmm1, (%r8)")
FORM("movl $0x1f80, 4(%rbx); ldmxcsr 4(%rbx); stmxcsr 12(%rbx)")
FORM("movups (%r12), %xmm0; movups %xmm0, (%r8)")
FORM("movups (%r8), %xmm0; movups %xmm0, -4(%r12)")
FORM("movaps 3(%rbx), %xmm0")
FORM("movaps %xmm0, 8(%rbx)")
FORM("paddd 4(%rbx), %xmm0")
READ_ONLY("movups %xmm0, (%r12)")
READ_ONLY("movntdq %xmm0, 4096(%rbx)")
INACCESSIBLE("movups (%r12), %xmm0")
INACCESSIBLE("movsd 4092(%rbx), %xmm0")
END_FORMS(sse)

FORMS(sse4)
FORM("pmovzxbw 3(%rbx), %xmm0; pmovsxdq 17(%rbx), %xmm1; movups %xmm0, (%r8); movups %xmm1, 16(%r8)")
FORM("movups (%r8), %xmm0; pextrb $3, %xmm0, 9(%rbx); pextrw $5, %xmm0, 12(%rbx); pextrq $1, %xmm0, 16(%rbx)")
FORM("movups (%r8), %xmm0; extractps $2, %xmm0, 9(%rbx); pinsrb $9, 40(%rbx), %xmm0; movups %xmm0, (%r8)")
FORM("movups (%r8), %xmm0; insertps $0x50, 3(%rbx), %xmm0; movups %xmm0, (%r8)")
FORM("movups (%r8), %xmm0; ptest 16(%rbx), %xmm0")
FORM("movups 16(%rbx), %xmm0; pcmpistri $8, 32(%rbx), %xmm0")
FORM("crc32b 3(%rbx), %eax; crc32q 8(%rbx), %rax")
FORM("movntdqa 16(%rbx), %xmm4; lddqu 3(%rbx), %xmm5; movups %xmm4, (%r8); movups %xmm5, 16(%r8)")
FORM("movups (%r8), %xmm0; movups 16(%r8), %xmm1; pblendvb 16(%rbx), %xmm1; movups %xmm1, (%r8)")
FORM("movups (%r8), %xmm1; pshufb 16(%rbx), %xmm1; palignr $5, 32(%rbx), %xmm1; movups %xmm1, (%r8)")
FORM("movups (%r8), %xmm1; mpsadbw $2, 16(%rbx), %xmm1; movups %xmm1, (%r8)")
FORM("popcntq 8(%rbx), %rax")
END_FORMS(sse4)

FORMS(x87)
FORM("fninit; flds (%rbx); fstps 8(%rbx)")
FORM("fninit; fldl 3(%rbx); fstl 16(%rbx); fstpt 48(%rbx)")
FORM("fninit; fldt 16(%rbx); fstpt 48(%rbx)")
FORM("fninit; filds 2(%rbx); fildl 4(%rbx); fildq 8(%rbx); faddp; faddp; fistpq 32(%rbx)")
FORM("fninit; fildl 4(%rbx); fists 40(%rbx); fistpl 32(%rbx)")
FORM("fninit; fildq 4(%rbx); fisttpq 32(%rbx)")
FORM("fninit; fildl 4(%rbx); fbstp 32(%rbx); fbld 32(%rbx); fistpq 64(%rbx)")
FORM("fninit; fildl 4(%rbx); fiaddl 8(%rbx); fimuls 12(%rbx); fdivrl (%r8); fstpt 32(%rbx)")
FORM("fninit; fnstcw 3(%rbx); fnstsw 5(%rbx); fldcw 3(%rbx)")
FORM("fninit; movq (%r8), %mm3; fnstenv 64(%rbx); fldenv 64(%rbx)")
FORM("fninit; movq (%r8), %mm3; fnsave 64(%rbx); frstor 64(%rbx); movq %mm3, 8(%r8)")
FORM("fninit; movq 8(%rbx), %mm0; paddw 16(%rbx), %mm0; movq %mm0, 24(%rbx); movntq %mm0, 40(%rbx); emms")
READ_ONLY("fninit; fld1; fstpt 4090(%rbx)")
INACCESSIBLE("fninit; fldt 4090(%rbx)")
END_FORMS(x87)

#define LOAD_SSE                                                                                             \
  "pushq $0x1f80; ldmxcsr (%rsp); movups (%r8), %xmm0; movups 16(%r8), %xmm1; movups 32(%r8), %xmm2; "       \
  "movups 48(%r8), %xmm3; movups 64(%r8), %xmm4; movups 80(%r8), %xmm5; movups 96(%r8), %xmm6; "             \
  "movups 112(%r8), %xmm7; movups %xmm0, %xmm8; movups %xmm1, %xmm9; movups %xmm2, %xmm10; movups %xmm3, "   \
  "%xmm11; movups %xmm4, %xmm12; movups %xmm5, %xmm13; movups %xmm6, %xmm14; movups %xmm7, %xmm15; fninit; " \
  "movq (%r8), %mm1; "
#define NO_HEADER "lea 576(%rbx), %rdi; xor %eax, %eax; mov $8, %ecx; rep stosq; "

FORMS(images)
ROW(LOAD_SSE "fxsave64 64(%rbx)", "\"fxsave64\"", 3)
ROW(LOAD_SSE "fxsave64 64(%rbx); pxor %xmm3, %xmm3; fxrstor64 64(%rbx); movups %xmm3, 256(%r8)", "\"fxrstor64\"", 3)
ROW(LOAD_SSE NO_HEADER "mov $3, %eax; xor %edx, %edx; xsave64 64(%rbx)", "\"xsave64\"", 3)
ROW(LOAD_SSE NO_HEADER
    "mov $3, %eax; xor %edx, %edx; xsave64 64(%rbx); pxor %xmm3, %xmm3; xrstor64 64(%rbx); "
    "movups %xmm3, 256(%r8)",
    "\"xrstor64\"", 3)
ROW(LOAD_SSE "mov $2, %eax; xor %edx, %edx; xsave64 64(%rbx)", "\"xsave64 of a part\"", 3)
ROW(LOAD_SSE NO_HEADER "mov $3, %eax; xor %edx, %edx; xsave64 3584(%rbx)", "\"xsave64 over the end of a page\"", 3)
ROW(LOAD_SSE "mov $3, %eax; xor %edx, %edx; xsave64 3648(%rbx)", "\"xsave64 into a read-only page\"", 1)
END_FORMS(images)

FORMS(avx2)
FORM("vmovups 3(%rbx), %ymm0; vmovups %ymm0, (%r8)")
FORM("vmovdqu (%r8), %ymm12; vmovdqu %ymm12, 5(%rbx)")
FORM("vmovdqa 32(%rbx), %ymm1; vmovdqa %ymm1, 64(%rbx)")
FORM("vmovdqa 33(%rbx), %ymm1")
FORM("vmovdqu (%r8), %ymm0; vmovntdq %ymm0, 32(%rbx); sfence; vlddqu 35(%rbx), %ymm1; vmovdqu %ymm1, 32(%r8)")
FORM("vmovups (%r12), %ymm0; vmovups %ymm0, (%r8)")
FORM("vmovups (%r8), %ymm0; vmovups %ymm0, -20(%r12)")
FORM("vmovdqu (%r8), %ymm1; vmaskmovps 7(%rbx), %ymm1, %ymm0; vmovdqu %ymm0, 32(%r8)")
FORM("vmovdqu (%r8), %ymm1; vmovdqu 32(%r8), %ymm0; vmaskmovps %ymm0, %ymm1, 9(%rbx)")
FORM("vmovdqu (%r8), %ymm1; vpmaskmovd 7(%rbx), %ymm1, %ymm0; vmovdqu %ymm0, 32(%r8)")
FORM("vmovdqu (%r8), %ymm1; vmovdqu 32(%r8), %ymm0; vpmaskmovq %ymm0, %ymm1, 11(%rbx)")
FORM("vmovdqu (%r8), %xmm1; vmovdqu 32(%r8), %xmm0; vmaskmovpd %xmm0, %xmm1, 11(%rbx)")
FORM("vmovdqu (%r8), %xmm0; vmovdqu 16(%r8), %xmm1; lea 5(%rbx), %rdi; vmaskmovdqu %xmm1, %xmm0")
FORM(
    "vpcmpeqd %ymm1, %ymm1, %ymm1; vpmovzxbd (%r8), %ymm2; vpgatherdd %ymm1, (%rbx,%ymm2,4), %ymm0; vmovdqu %ymm0, "
    "(%r8)")
FORM(
    "vmovdqu 64(%r8), %ymm1; vmovdqu 96(%r8), %ymm0; vpmovzxbq (%r8), %ymm2; vpgatherqq %ymm1, 3(%rbx,%ymm2,8), %ymm0; "
    "vmovdqu %ymm0, (%r8)")
FORM(
    "vpcmpeqd %xmm1, %xmm1, %xmm1; vpmovsxbd (%r8), %xmm2; vgatherdps %xmm1, (%rbx,%xmm2,8), %xmm0; vmovdqu %ymm0, "
    "(%r8)")
FORM(
    "vpcmpeqd %ymm1, %ymm1, %ymm1; vpmovsxbd (%r8), %xmm2; vgatherdpd %ymm1, (%rbx,%xmm2), %ymm0; vmovdqu %ymm0, (%r8)")
FORM("vbroadcastss 3(%rbx), %ymm0; vbroadcastsd 9(%rbx), %ymm1; vmovups %ymm0, (%r8); vmovups %ymm1, 32(%r8)")
FORM("vbroadcasti128 3(%rbx), %ymm0; vpbroadcastb 33(%rbx), %ymm1; vmovups %ymm0, (%r8); vmovups %ymm1, 32(%r8)")
FORM("vmovups (%r8), %ymm0; vinserti128 $1, 3(%rbx), %ymm0, %ymm1; vextracti128 $1, %ymm1, 40(%rbx)")
FORM("vmovups (%r8), %ymm0; vpaddq 3(%rbx), %ymm0, %ymm1; vpermd 40(%rbx), %ymm1, %ymm2; vmovups %ymm2, (%r8)")
FORM("vpmovzxwd 3(%rbx), %ymm0; vpermq $27, 33(%rbx), %ymm1; vmovups %ymm0, (%r8); vmovups %ymm1, 32(%r8)")
FORM("vmovups (%r8), %ymm0; vptest 3(%rbx), %ymm0")
FORM("vmovups (%r8), %ymm0; vmovups 32(%r8), %ymm1; vfmadd231pd 3(%rbx), %ymm0, %ymm1; vmovups %ymm1, (%r8)")
FORM("vcvtph2ps 3(%rbx), %ymm0; vcvtps2ph $0, %ymm0, 40(%rbx)")
FORM("andnq 3(%rbx), %rax, %rdx")
FORM("movl $0x0804, %edx; bextrl %edx, 3(%rbx), %eax")
WITHOUT_FLAGS("tzcntq (%rbx), %rax; lzcntl 8(%rbx), %edx; blsrq 16(%rbx), %rcx")
FORM("mov %rax, %rdx; mulxq 3(%rbx), %rax, %rcx")
FORM("rorxq $13, 3(%rbx), %rax; shlxq %rcx, 11(%rbx), %rdx; sarxl %ecx, 20(%rbx), %ecx")
FORM("pdepq 3(%rbx), %rax, %rdx; pextq 11(%rbx), %rax, %rcx")
FORM("movbeq 3(%rbx), %rax; movbew %ax, 20(%rbx); movbel %eax, 31(%rbx)")
READ_ONLY("vmovups %ymm0, (%r12)")
READ_ONLY(
    "vpcmpeqd %xmm1, %xmm1, %xmm1; vmovups (%r8), %ymm0; vmaskmovps %ymm0, %ymm1, 4080(%rbx); vmovups 4064(%rbx), "
    "%ymm2; vmovups %ymm2, (%r8)")
INACCESSIBLE("vmovups (%r12), %ymm0")
INACCESSIBLE("vpcmpeqd %xmm1, %xmm1, %xmm1; vmaskmovps 4080(%rbx), %ymm1, %ymm0; vmovups %ymm0, (%r8)")
INACCESSIBLE("vpcmpeqd %ymm1, %ymm1, %ymm1; vmaskmovps 4080(%rbx), %ymm1, %ymm0")
INACCESSIBLE("vpcmpeqd %ymm1, %ymm1, %ymm1; vpxor %xmm2, %xmm2, %xmm2; vpgatherdd %ymm1, 4096(%rbx,%ymm2,4), %ymm0")
END_FORMS(avx2)

FORMS(avx512)
FORM("vmovdqu64 3(%rbx), %zmm0; vmovdqu64 %zmm0, (%r8)")
FORM("vmovdqu64 (%r8), %zmm29; vmovdqa64 %zmm29, 64(%rbx); vmovdqu8 %zmm29, 200(%rbx)")
FORM("kmovq (%r8), %k1; vmovdqu64 64(%r8), %zmm0; vmovdqu8 %zmm0, 5(%rbx){%k1}")
FORM("kmovq (%r8), %k2; vmovdqu64 64(%r8), %zmm0; vmovdqu16 %zmm0, 5(%rbx){%k2}; vmovdqu32 %zmm0, 99(%rbx){%k2}")
FORM("kmovq (%r8), %k1; vmovdqu8 7(%rbx), %zmm0{%k1}{z}; vmovdqu64 %zmm0, 64(%r8)")
FORM("kmovq (%r8), %k1; vmovdqu64 64(%r8), %zmm0; vpcompressd %zmm0, 5(%rbx){%k1}; vpcompressq %zmm0, 99(%rbx){%k1}")
FORM("kmovq (%r8), %k1; vmovdqu64 64(%r8), %zmm0; vpexpandd 5(%rbx), %zmm0{%k1}; vmovdqu64 %zmm0, 64(%r8)")
FORM("kmovq (%r8), %k1; vpmovzxbd 8(%r8), %zmm2; vpscatterdd %zmm2, 3(%rbx,%zmm2,4){%k1}")
FORM("kxnorq %k1, %k1, %k1; vpmovzxbq 8(%r8), %zmm2; vscatterqpd %zmm2, (%rbx,%zmm2,8){%k1}; kmovq %k1, %rax")
FORM(
    "kmovq (%r8), %k1; vpmovzxbd 8(%r8), %zmm2; vmovdqu64 64(%r8), %zmm0; vpgatherdd 3(%rbx,%zmm2,4), %zmm0{%k1}; "
    "vmovdqu64 %zmm0, 64(%r8)")
FORM("vmovdqu64 (%r8), %zmm0; vpaddd 8(%rbx){1to16}, %zmm0, %zmm1; vmovdqu64 %zmm1, (%r8)")
FORM("kmovq 3(%rbx), %k1; kmovw %k1, 20(%rbx); kmovd %k1, 24(%rbx)")
FORM("vmovdqu64 (%r8), %zmm0; vpmovdb %zmm0, 3(%rbx); vpmovqd %zmm0, 33(%rbx); vextracti64x4 $1, %zmm0, 99(%rbx)")
FORM(
    "vmovdqu64 (%r8), %zmm0; vpternlogd $0x96, 64(%rbx), %zmm0, %zmm0; vpcmpub $1, 3(%rbx), %zmm0, %k3; kmovq %k3, "
    "%rax")
READ_ONLY("vmovdqu64 %zmm0, 4090(%rbx)")
READ_ONLY(
    "vmovdqu64 (%r8), %zmm0; mov $0x3f, %eax; kmovq %rax, %k1; vmovdqu8 %zmm0, 4090(%rbx){%k1}; mov $0x7f, %eax; kmovq "
    "%rax, %k1; vmovdqu8 %zmm0, 4090(%rbx){%k1}")
INACCESSIBLE("mov $0x3f, %eax; kmovq %rax, %k1; vmovdqu8 4090(%rbx), %zmm0{%k1}{z}; vmovdqu64 %zmm0, (%r8)")
INACCESSIBLE("kxnorq %k1, %k1, %k1; vpxorq %zmm2, %zmm2, %zmm2; vpscatterdd %zmm2, 4096(%rbx,%zmm2,4){%k1}")
END_FORMS(avx512)

int main(int argc, char** argv) {
  struct memory* shared = begin_together(argc, argv, sizeof *shared);
  const struct table tables[] = {TABLE(sse, true),
                                 TABLE(sse4, __builtin_cpu_supports("sse4.2")),
                                 TABLE(x87, true),
                                 TABLE(images, __builtin_cpu_supports("avx")),
                                 TABLE(avx2, __builtin_cpu_supports("x86-64-v3")),
                                 TABLE(avx512, __builtin_cpu_supports("x86-64-v4"))};
  go_through(tables, sizeof tables / sizeof *tables, shared);
  return done();
}
