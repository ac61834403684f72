"""An application of WSGI: tells the length and a digest of what was posted."""
import hashlib


def application(environ, start_response):
    """Answer."""
    size = int(environ.get('CONTENT_LENGTH') or 0)
    data = environ['wsgi.input'].read(size)
    if environ['PATH_INFO'] == '/large':
        body = b'0123456789' * 200000
    else:
        body = ('%s %s %d %s' % (environ['wsgi.url_scheme'], environ['PATH_INFO'], size,
                                 hashlib.sha256(data).hexdigest())).encode('ascii')
    start_response('200 OK', [('Content-Length', str(len(body))), ('Content-Type', 'text/plain')])
    return [body]
