#include "commands.h"
#include "util.h"
int command_test(int c, char **v)
{
	(void)c;
	(void)v;
	die("not yet");
}
int command_doctor(int c, char **v)
{
	(void)c;
	(void)v;
	die("not yet");
}
int command_version(int c, char **v)
{
	(void)c;
	(void)v;
	die("not yet");
}
