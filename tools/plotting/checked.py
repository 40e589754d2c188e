"""Documents of JSON and NumPy's arrays, checked against a description of what they should hold."""
import json
import math
from dataclasses import dataclass

import numpy as np

from plotting.terminal import printable, shortened

DEEPEST = 32  # levels of a JSON document


class RequestError(Exception):
    """What was asked for is not there, or not gridrun's."""


def request_error(path, what, expected):
    """An error in one line: where, what is there, what was expected."""
    return RequestError(f"{printable(path)}: {shortened(what, 200)}, expected {expected}")


@dataclass(frozen=True)
class Integer:
    least: int
    most: int

    def __str__(self):
        return f"an integer from {self.least} to {self.most}"

    def accepts(self, value):
        return type(value) is int and self.least <= value <= self.most


@dataclass(frozen=True)
class Real:
    largest: float

    def __str__(self):
        return f"a number within ±{self.largest:g}"

    def accepts(self, value):
        return type(value) in (int, float) and abs(value) <= self.largest


@dataclass(frozen=True)
class Magnitude:
    largest: float

    def __str__(self):
        return f"a number from 0 to {self.largest:g}"

    def accepts(self, value):
        return type(value) in (int, float) and 0 <= value <= self.largest


@dataclass(frozen=True)
class Text:
    longest: int

    def __str__(self):
        return f"a text of at most {self.longest} characters"

    def accepts(self, value):
        return type(value) is str and len(value) <= self.longest


@dataclass(frozen=True)
class Boolean:
    def __str__(self):
        return "true or false"

    def accepts(self, value):
        return type(value) is bool


def value_of(json_value):
    """The value of a configuration's key, a list of integers as a tuple; None for what is none."""
    if type(json_value) in (bool, str) or Real(1e300).accepts(json_value):
        return json_value
    if type(json_value) is list and all(type(entry) is int for entry in json_value):
        return tuple(json_value)
    return None


def value_text(value):
    """A key's value as gridrun prints it."""
    if type(value) is tuple:
        return f"[{','.join(map(str, value))}]"
    if type(value) is bool:
        return str(value).lower()
    return str(int(value)) if type(value) is float and value.is_integer() and abs(value) < 1e16 else str(value)


@dataclass(frozen=True)
class Value:
    """Of a key of a configuration, as value_of() gives it or as JSON has it."""

    def __str__(self):
        return "a number, true, false, a text of at most 1000 characters or a list of integers"

    def accepts(self, value):
        value = value if type(value) is tuple else value_of(value)
        return value is not None and len(value_text(value)) <= 1000


@dataclass(frozen=True)
class OneOf:
    """One of a grid's entries."""
    entries: tuple

    def __str__(self):
        return f"one of {shortened(', '.join(map(value_text, self.entries)))}"

    def accepts(self, value):
        value = value_of(value)
        return value in self.entries and (type(value) is bool) == (type(self.entries[0]) is bool)


@dataclass(frozen=True)
class OrNull:
    form: object


@dataclass(frozen=True)
class OrMissing:
    """Of a key of an object."""
    form: object


def check(path, value, form, at=""):
    """Raises RequestError unless the value has the form: one of the above, a list [form] or an object {key: form}.

    Objects may have further keys. `at` says where in the document of that path the value is.
    """
    def wrong(expected):
        shown = shortened(json.dumps(value, ensure_ascii=False), 40)
        return request_error(path, f"{at or 'the document'} is {shown}", expected)

    if isinstance(form, OrNull):
        if value is not None:
            check(path, value, form.form, at)
    elif isinstance(form, list):
        if type(value) is not list:
            raise wrong("a list")
        for i, entry in enumerate(value):
            check(path, entry, form[0], f"{at}[{i}]")
    elif isinstance(form, dict):
        if type(value) is not dict:
            raise wrong(f"an object with {', '.join(form)}")
        for key, inner in form.items():
            here = f"{at}.{key}" if at else key
            if isinstance(inner, OrMissing):
                if key not in value:
                    continue
                inner = inner.form
            if key not in value:
                raise request_error(path, f"{here} is missing", "what gridrun writes")
            check(path, value[key], inner, here)
    elif not form.accepts(value):
        raise wrong(form)


def is_deeper(value, levels):
    """Whether lists and objects are nested in more levels than that."""
    if levels == 0:
        return isinstance(value, (dict, list))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(is_deeper(entry, levels - 1) for entry in inner)


def finite(text):
    """A JSON number; those that no double holds are refused, since the page could not show them."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is not a finite number")
    return number


def parse_json(path, content, form):
    """The document in the bytes of a file, of that form."""
    try:
        value = json.loads(content.decode("utf-8"), parse_float=finite, parse_constant=finite)
        too_deep = is_deeper(value, DEEPEST)
    except RecursionError:
        too_deep = True
    except ValueError as error:  # also for what is not UTF-8
        raise request_error(path, f"not JSON: {error}", "what gridrun writes") from error
    if too_deep:
        raise request_error(path, "nested too deeply", f"at most {DEEPEST} levels")
    check(path, value, form)
    return value


def check_array(path, name, array, shape, lacks=None):
    """The array as real numbers; raises RequestError unless it holds finite ones, but for NaN where `lacks` is true along
    its first dimensions, and has that shape.
    """
    expected = f"finite numbers of shape {' x '.join(map(str, shape))}"
    if array.shape != shape:
        raise request_error(path, f"{name} has the shape {' x '.join(map(str, array.shape)) or 'of one number'}",
                            expected)
    if array.dtype.kind not in "iuf":
        raise request_error(path, f"{name} has the type {array.dtype}", expected)
    if not (np.isfinite(array) if lacks is None else np.isfinite(array[~lacks])).all():
        raise request_error(path, f"{name} has NaN or infinity", expected)
    return array.astype(float)
