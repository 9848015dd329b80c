"""What a JSON schema cannot say: a username is its text form, of a name of at most 255 bytes, and an id has at most 64 bytes."""

from urllib.parse import quote, unquote

import schemathesis


def cut(text, most):
    return text.replace("\0", "0").encode()[:most].decode(errors="ignore")


def text_form(text):
    """A percent sign is written %25; a zero byte is in no username that a relay keeps."""
    return cut(text, 255).replace("%", "%25")


def changed(values, name, change):
    if isinstance(values, dict) and isinstance(values.get(name), str):
        values[name] = change(values[name])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    # They come as they stand in an address.
    changed(path_parameters, "username", lambda text: quote(text_form(unquote(text)), safe=""))
    changed(path_parameters, "id", lambda text: quote(cut(unquote(text), 64), safe=""))
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    changed(query, "after", text_form)
    return query


@schemathesis.hook
def map_body(context, body):
    for row in body if isinstance(body, list) else []:
        changed(row, "username", text_form)
    return body
