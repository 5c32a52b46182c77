// Puts its terminal into raw mode, reads keys until q, and puts back what it found.
// build: -O0 -g
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static struct termios found;
static volatile int keys;

static char next_key(void) {
  char key = 'q';
  if (read(STDIN_FILENO, &key, 1) == 1) keys++;
  return key;
}

int main(void) {
  tcgetattr(STDIN_FILENO, &found);
  struct termios raw = found;
  cfmakeraw(&raw);
  printf("echo %s\n", found.c_lflag & ECHO ? "on" : "off");
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  printf("raw\r\n");
  fflush(stdout);
  while (next_key() != 'q') {
    printf("<%d>", keys);
    fflush(stdout);
  }
  tcsetattr(STDIN_FILENO, TCSANOW, &found);
  return keys;
}
