/*
 * A prototype, to see what an accelerator in C would give: SSLObject.receive_records and send_small
 * as an extension of Python 2.7. It knows nothing of OpenSSL's headers, and finds
 * the functions in the library that _ssl has loaded. `make accelerator` builds it, loop_worker.py
 * puts it in their place; the package does not have it.
 *
 * It is as quick as such a thing can be: strings are not cleared, nor copied but by OpenSSL, large
 * data goes the same way, and where ctypes keeps a pointer is looked up in its structure, not asked.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

#define RECORD 16384

/* What byref() returns, up to where it points to: Modules/_ctypes/ctypes.h of 2.7. */
struct argument {
    PyObject_HEAD
    void *type;
    char tag;
    union {
        void *pointer;
        long double widest;
    } value;
};

static int (*bio_read)(void *, void *, int);
static int (*bio_write)(void *, const void *, int);
static size_t (*bio_ctrl_pending)(void *);
static int (*ssl_read)(void *, void *, int);
static int (*ssl_write)(void *, const void *, int);

static PyObject *name_state, *name_ssl, *name_bio, *name_write, *name_only_waits;

/* The handle in an attribute: the objects hold it, and are held by the caller. */
static void *handle_in(PyObject *object, PyObject *name)
{
    PyObject *argument = PyObject_GetAttr(object, name);
    if (!argument)
        return NULL;
    void *handle = ((struct argument *)argument)->value.pointer;
    Py_DECREF(argument);
    return handle;
}

/* 1 if OpenSSL may call back, 0 if not, -1 for an error. */
static int is_unusual(PyObject *ssl_object)
{
    PyObject *state = PyObject_GetAttr(ssl_object, name_state);
    if (!state)
        return -1;
    int unusual = PyObject_IsTrue(state);
    Py_DECREF(state);
    return unusual;
}

static PyObject *receive_records(PyObject *module, PyObject *arguments)
{
    PyObject *ssl_object, *incoming, *data, *received;
    if (!PyArg_UnpackTuple(arguments, "receive_records", 4, 4, &ssl_object, &incoming, &data, &received))
        return NULL;
    int unusual = is_unusual(ssl_object);
    if (unusual < 0)
        return NULL;
    if (unusual || !PyString_CheckExact(data)) {
        PyObject *written = PyObject_CallMethodObjArgs(incoming, name_write, data, NULL);
        if (!written)
            return NULL;
        Py_DECREF(written);
        Py_RETURN_FALSE;
    }
    void *bio = handle_in(incoming, name_bio), *ssl = handle_in(ssl_object, name_ssl);
    Py_ssize_t size = PyString_GET_SIZE(data);
    if (!bio || !ssl)
        return NULL;
    if (bio_write(bio, PyString_AS_STRING(data), size) != size)
        return PyErr_NoMemory();
    if (size > RECORD)
        size = RECORD;
    int count;
    do {
        PyObject *plain = PyString_FromStringAndSize(NULL, size);
        if (!plain)
            return NULL;
        count = ssl_read(ssl, PyString_AS_STRING(plain), size);
        if (count <= 0) {
            Py_DECREF(plain);
            return PyObject_CallMethodObjArgs(ssl_object, name_only_waits, NULL);
        }
        if (count < size && _PyString_Resize(&plain, count))
            return NULL;
        int failed = PyList_Append(received, plain);
        Py_DECREF(plain);
        if (failed)
            return NULL;
    } while (bio_ctrl_pending(bio));
    return PyBool_FromLong(count < size || size == RECORD);
}

static PyObject *send_small(PyObject *module, PyObject *arguments)
{
    PyObject *ssl_object, *outgoing, *data;
    if (!PyArg_UnpackTuple(arguments, "send_small", 3, 3, &ssl_object, &outgoing, &data))
        return NULL;
    int unusual = is_unusual(ssl_object);
    void *bio = handle_in(outgoing, name_bio), *ssl = handle_in(ssl_object, name_ssl);
    if (unusual < 0 || !bio || !ssl)
        return NULL;
    Py_ssize_t size = PyString_GET_SIZE(data);
    if (unusual || ssl_write(ssl, PyString_AS_STRING(data), size) != size)
        return PyString_FromString("");
    size = bio_ctrl_pending(bio);
    PyObject *records = PyString_FromStringAndSize(NULL, size);
    if (records && bio_read(bio, PyString_AS_STRING(records), size) != size) {
        Py_DECREF(records);
        return PyErr_NoMemory();
    }
    return records;
}

static PyMethodDef methods[] = {
    {"receive_records", receive_records, METH_VARARGS, NULL},
    {"send_small", send_small, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyMODINIT_FUNC initaccelerator(void)
{
    struct { void **function; const char *name; } wanted[] = {
        {(void **)&bio_read, "BIO_read"}, {(void **)&bio_write, "BIO_write"},
        {(void **)&bio_ctrl_pending, "BIO_ctrl_pending"},
        {(void **)&ssl_read, "SSL_read"}, {(void **)&ssl_write, "SSL_write"},
    };
    PyObject *ssl = PyImport_ImportModule("_ssl");
    PyObject *path = ssl ? PyObject_GetAttrString(ssl, "__file__") : NULL;
    void *library = path ? dlopen(PyString_AsString(path), RTLD_LAZY | RTLD_NOLOAD) : NULL;
    for (size_t index = 0; index < sizeof wanted / sizeof *wanted; index++)
        if (!library || !(*wanted[index].function = dlsym(library, wanted[index].name))) {
            PyErr_SetString(PyExc_ImportError, "cannot reach OpenSSL");
            return;
        }
    name_state = PyString_InternFromString("_state");
    name_ssl = PyString_InternFromString("_ssl");
    name_bio = PyString_InternFromString("_bio");
    name_write = PyString_InternFromString("write");
    name_only_waits = PyString_InternFromString("_only_waits");
    Py_InitModule("accelerator", methods);
}
