/* A verifier of signed notes written from c2sp.org/signed-note alone: it shares nothing with protocol/note.c. */
#ifndef HEFU_KIT_SIGNED_NOTE_H
#define HEFU_KIT_SIGNED_NOTE_H

#include <stddef.h>

enum { SIGNED_NOTE_TEXT_MAX = 4096 };

/* Does the note hold a good signature of the key "name+hash+base64(1, key)"?  The text it signs goes to text. */
int signed_note_is_good(const char *note, const char *key, char text[SIGNED_NOTE_TEXT_MAX]);

#endif
