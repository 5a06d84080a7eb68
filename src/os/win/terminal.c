/* terminal: environment, terminal and interruption; see os/os.h. */
#include "base/mem.h"
#include "os/os.h"
#include "os/win/wide.h"

#include <fcntl.h>
#include <io.h>
#include <string.h>

#define DEFAULT_WIDTH 80

/* Values of environment variables in UTF-8. They are lent out for good, so that each that is ever seen is kept. */
struct value {
    struct value *next;
    char text[];
};

static struct value *values;
static SRWLOCK values_lock = SRWLOCK_INIT;

static const char *keep(const char *text)
{
    size_t size = strlen(text) + 1;
    struct value *value;

    AcquireSRWLockExclusive(&values_lock);
    for (value = values; value != NULL; value = value->next)
        if (strcmp(value->text, text) == 0)
            break;
    if (value == NULL && (value = rf__alloc(sizeof *value + size)) != NULL) {
        memcpy(value->text, text, size);
        value->next = values;
        values = value;
    }
    ReleaseSRWLockExclusive(&values_lock);
    return value == NULL ? NULL : value->text;
}

/* In new memory; NULL when it is not set. */
static wchar_t *read_variable(const wchar_t *name)
{
    DWORD size = GetEnvironmentVariableW(name, NULL, 0);
    wchar_t *value = size == 0 ? NULL : rf__alloc_array(size, sizeof *value);

    if (value == NULL)
        return NULL;
    if (GetEnvironmentVariableW(name, value, size) < size)
        return value;
    rf__free(value);
    return NULL;
}

/* The value in UTF-8, with its '\' kept: it may be no path. */
const char *rf__os_env(const char *name)
{
    wchar_t *wide_name = rf__wide_text(name);
    wchar_t *wide = wide_name == NULL ? NULL : read_variable(wide_name);
    const char *kept = NULL;
    char *text = NULL;
    int len;

    if (wide != NULL && wide[0] != L'\0') {
        len = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
        text = len <= 0 ? NULL : rf__alloc((size_t)len);
        if (text != NULL) {
            WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, len, NULL, NULL);
            kept = keep(text);
        }
    }
    rf__free(text);
    rf__free(wide);
    rf__free(wide_name);
    return kept;
}

char *rf__os_home(void)
{
    wchar_t *wide = read_variable(L"USERPROFILE");
    char *home = wide == NULL || wide[0] == L'\0' ? NULL : rf__wide_to_utf8(wide);

    rf__free(wide);
    return home;
}

char *rf__os_config_dir(void)
{
    wchar_t *wide = read_variable(L"APPDATA");
    char *folder = wide == NULL || wide[0] == L'\0' ? NULL : rf__wide_to_utf8(wide);

    rf__free(wide);
    return folder;
}

static HANDLE handle_of(FILE *stream)
{
    return (HANDLE)_get_osfhandle(_fileno(stream));
}

/* A console shows colours and UTF-8 once it is asked to. */
bool rf__os_is_terminal(FILE *stream)
{
    DWORD mode;

    if (!GetConsoleMode(handle_of(stream), &mode))
        return false;
    if (stream != stdin) {
        (void)SetConsoleMode(handle_of(stream), mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
        (void)SetConsoleOutputCP(CP_UTF8);
    }
    return true;
}

int rf__os_terminal_width(FILE *stream)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    int width;

    if (!GetConsoleScreenBufferInfo(handle_of(stream), &info))
        return DEFAULT_WIDTH;
    width = info.srWindow.Right - info.srWindow.Left + 1;
    return width > 0 ? width : DEFAULT_WIDTH;
}

void rf__os_binary_mode(FILE *stream)
{
    (void)_setmode(_fileno(stream), _O_BINARY);
}

static volatile int *interrupt_flag;

/* Runs on a thread of its own. What is not handled ends the process. */
static BOOL WINAPI on_event(DWORD event)
{
    (void)event;
    if (*interrupt_flag != 0)
        return FALSE;
    *interrupt_flag = 1;
    return TRUE;
}

void rf__os_on_interrupt(volatile int *flag)
{
    interrupt_flag = flag;
    (void)SetConsoleCtrlHandler(on_event, TRUE);
}
