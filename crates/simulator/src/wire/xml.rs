//! Answers of the EC2 and query protocols, as XML.
//!
//! A serde serializer that writes elements straight into the text of the answer: no tree, no
//! allocation per element. A page of 500 volumes is 300 KB, and a simulated organization answers
//! thousands of them.
//!
//! A field is an element of its serde name, `None` is nothing at all, and a list is an element
//! around its elements, whose name depends on the service. Maps, and enums with content, have no
//! form in AWS's XML and are errors.

use std::fmt::{self, Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{self, Impossible, SerializeSeq, SerializeStruct, SerializeTuple},
};

/// What the elements of a list are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListStyle {
    /// `<item>`, as EC2 does.
    Item,
    /// `<member>`, as STS and IAM do.
    Member,
    /// As their type is called in serde, as RDS does: `<DBSnapshots><DBSnapshot>`. Elements that
    /// are plain texts need a newtype around them, without `#[serde(transparent)]`.
    TypeName,
}

/// Writes the fields of a value, one after the other, without an element around them.
///
/// On an error, `out` is left with what was written before it.
pub(crate) fn write_fields<T: Serialize + ?Sized>(
    out: &mut String,
    style: ListStyle,
    value: &T,
) -> Result<(), NotXml> {
    value.serialize(Element { out, style, name: Name::Without })
}

/// Writes a value as one element; `xmlns` becomes its default namespace.
///
/// On an error, `out` is left with what was written before it.
#[cfg(test)]
pub(crate) fn write<T: Serialize + ?Sized>(
    out: &mut String,
    style: ListStyle,
    root: &str,
    xmlns: &str,
    value: &T,
) -> Result<(), NotXml> {
    open_root(out, root, xmlns);
    write_fields(out, style, value)?;
    close(out, root);
    Ok(())
}

/// Writes the start tag of a document's outermost element.
pub(crate) fn open_root(out: &mut String, root: &str, xmlns: &str) {
    out.push('<');
    out.push_str(root);
    out.push_str(" xmlns=\"");
    escape(out, xmlns);
    out.push_str("\">");
}

/// Writes an element that has nothing but text.
#[inline]
pub(crate) fn element(out: &mut String, name: &str, text: &str) {
    make_room(out, name, text);
    open(out, name);
    escape(out, text);
    close(out, name);
}

/// Grows the text for all parts of an element at once, if it has to.
#[inline]
fn make_room(out: &mut String, name: &str, text: &str) {
    let room = 2 * name.len() + text.len() + "<></>".len();
    if out.capacity() - out.len() < room {
        out.reserve(room);
    }
}

/// Writes a start tag.
#[inline]
pub(crate) fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

/// Writes an end tag.
#[inline]
pub(crate) fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Writes text so that a parser reads the same text.
///
/// A carriage return is written as a reference, since parsers read a plain one as a line feed.
/// What XML 1.0 has no way to write (most control characters, U+FFFE and U+FFFF) becomes U+FFFD:
/// one such character in a tag must not make a page of 500 resources unreadable.
#[inline]
pub(crate) fn escape(out: &mut String, text: &str) {
    if is_plain(text.as_bytes()) {
        out.push_str(text);
    } else {
        escape_each(out, text);
    }
}

/// Whether text can be written as it is: a quick look that may be wrong in one direction only.
/// It looks at each byte of a block without a branch.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let odd = |bytes: &[u8]| bytes.iter().fold(0, |odd, &byte| odd | ODD[usize::from(byte)]) != 0;
    let (blocks, rest) = bytes.as_chunks::<8>();
    !blocks.iter().any(|block| odd(block)) && !odd(rest)
}

/// 1 for each byte that something may have to be written for instead.
static ODD: [u8; 256] = {
    let mut odd = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        odd[byte] = 1;
        byte += 1;
    }
    odd[b'"' as usize] = 1;
    odd[b'&' as usize] = 1;
    odd[b'<' as usize] = 1;
    odd[b'>' as usize] = 1;
    // The first byte of U+FFFE and U+FFFF, among others.
    odd[0xEF] = 1;
    odd
};

#[cold]
fn escape_each(out: &mut String, text: &str) {
    let mut written = 0;
    for (at, character) in text.char_indices() {
        let escaped = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\r' => "&#xD;",
            '\t' | '\n' => continue,
            '\0'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => "\u{FFFD}",
            _ => continue,
        };
        out.push_str(&text[written..at]);
        out.push_str(escaped);
        written = at + character.len_utf8();
    }
    out.push_str(&text[written..]);
}

/// A value that has no form in AWS's XML: a mistake in the type of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotXml(String);

impl Display for NotXml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotXml {}

impl ser::Error for NotXml {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn no_form<T>(what: &str) -> Result<T, NotXml> {
    Err(NotXml(format!("{what} cannot be written as XML")))
}

/// What the element around a value is called.
#[derive(Clone, Copy)]
enum Name {
    Is(&'static str),
    /// As the value's type: the element is one of a [`ListStyle::TypeName`] list.
    OfType,
    /// There is none: the value's fields stand by themselves.
    Without,
}

/// Writes one value as one element.
struct Element<'a> {
    out: &'a mut String,
    style: ListStyle,
    name: Name,
}

impl<'a> Element<'a> {
    #[inline]
    fn name(&self) -> Result<&'static str, NotXml> {
        match self.name {
            Name::Is(name) => Ok(name),
            Name::OfType => no_form("an element of a list whose type has no name"),
            Name::Without => no_form("a value that has no fields and is no field"),
        }
    }

    #[inline]
    fn text(self, text: &str) -> Result<(), NotXml> {
        let name = self.name()?;
        element(self.out, name, text);
        Ok(())
    }

    /// Text that is known to have nothing to escape.
    #[inline]
    fn plain(self, text: &str) -> Result<(), NotXml> {
        let name = self.name()?;
        make_room(self.out, name, text);
        open(self.out, name);
        self.out.push_str(text);
        close(self.out, name);
        Ok(())
    }

    #[inline]
    fn integer(self, number: impl itoa::Integer) -> Result<(), NotXml> {
        self.plain(itoa::Buffer::new().format(number))
    }

    #[inline]
    fn open(self, name: &'static str) -> Open<'a> {
        open(self.out, name);
        Open { out: self.out, style: self.style, close: Some(name) }
    }

    /// The same element, now that its type's name is known.
    #[inline]
    fn or_type(mut self, name: &'static str) -> Self {
        if let Name::OfType = self.name {
            self.name = Name::Is(name);
        }
        self
    }
}

impl<'a> Serializer for Element<'a> {
    type Ok = ();
    type Error = NotXml;
    type SerializeTupleStruct = Impossible<(), NotXml>;
    type SerializeTupleVariant = Impossible<(), NotXml>;
    type SerializeMap = Impossible<(), NotXml>;
    type SerializeStructVariant = Impossible<(), NotXml>;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Open<'a>;
    type SerializeStruct = Open<'a>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), NotXml> {
        self.plain(if value { "true" } else { "false" })
    }
    #[inline]
    fn serialize_i8(self, number: i8) -> Result<(), NotXml> {
        self.integer(number)
    }
    #[inline]
    fn serialize_i16(self, number: i16) -> Result<(), NotXml> {
        self.integer(number)
    }
    #[inline]
    fn serialize_i32(self, number: i32) -> Result<(), NotXml> {
        self.integer(number)
    }
    #[inline]
    fn serialize_i64(self, number: i64) -> Result<(), NotXml> {
        self.integer(number)
    }
    #[inline]
    fn serialize_u8(self, number: u8) -> Result<(), NotXml> {
        self.integer(number)
    }
    #[inline]
    fn serialize_u16(self, number: u16) -> Result<(), NotXml> {
        self.integer(number)
    }
    #[inline]
    fn serialize_u32(self, number: u32) -> Result<(), NotXml> {
        self.integer(number)
    }
    #[inline]
    fn serialize_u64(self, number: u64) -> Result<(), NotXml> {
        self.integer(number)
    }
    fn serialize_f32(self, number: f32) -> Result<(), NotXml> {
        self.collect_str(&number)
    }
    fn serialize_f64(self, number: f64) -> Result<(), NotXml> {
        self.collect_str(&number)
    }
    fn serialize_char(self, character: char) -> Result<(), NotXml> {
        self.text(character.encode_utf8(&mut [0; 4]))
    }
    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), NotXml> {
        self.text(text)
    }
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), NotXml> {
        let name = self.name()?;
        open(self.out, name);
        write!(Escaped(self.out), "{value}").map_err(ser::Error::custom)?;
        close(self.out, name);
        Ok(())
    }
    #[inline]
    fn serialize_none(self) -> Result<(), NotXml> {
        Ok(())
    }
    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotXml> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), NotXml> {
        if let Name::Without = self.name { Ok(()) } else { self.plain("") }
    }
    fn serialize_unit_struct(self, name: &'static str) -> Result<(), NotXml> {
        self.or_type(name).serialize_unit()
    }
    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), NotXml> {
        self.or_type(name).text(variant)
    }
    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotXml> {
        value.serialize(self.or_type(name))
    }
    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a>, NotXml> {
        let name = self.name()?;
        Ok(self.open(name))
    }
    fn serialize_tuple(self, length: usize) -> Result<Open<'a>, NotXml> {
        self.serialize_seq(Some(length))
    }
    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Open<'a>, NotXml> {
        match self.name {
            Name::Is(field) => Ok(self.open(field)),
            Name::OfType => Ok(self.open(name)),
            Name::Without => Ok(Open { out: self.out, style: self.style, close: None }),
        }
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<(), NotXml> {
        no_form("bytes")
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), NotXml> {
        no_form(name)
    }
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, NotXml> {
        no_form(name)
    }
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NotXml> {
        no_form(name)
    }
    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NotXml> {
        no_form(name)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NotXml> {
        no_form("a map")
    }
}

/// An element whose content is being written: the fields of a struct, or the elements of a list.
struct Open<'a> {
    out: &'a mut String,
    style: ListStyle,
    /// The name in the end tag; the outermost struct has none.
    close: Option<&'static str>,
}

impl SerializeStruct for Open<'_> {
    type Ok = ();
    type Error = NotXml;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotXml> {
        value.serialize(Element { out: self.out, style: self.style, name: Name::Is(name) })
    }

    #[inline]
    fn end(self) -> Result<(), NotXml> {
        if let Some(name) = self.close {
            close(self.out, name);
        }
        Ok(())
    }
}

impl SerializeSeq for Open<'_> {
    type Ok = ();
    type Error = NotXml;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotXml> {
        let name = match self.style {
            ListStyle::Item => Name::Is("item"),
            ListStyle::Member => Name::Is("member"),
            ListStyle::TypeName => Name::OfType,
        };
        value.serialize(Element { out: self.out, style: self.style, name })
    }

    #[inline]
    fn end(self) -> Result<(), NotXml> {
        SerializeStruct::end(self)
    }
}

impl SerializeTuple for Open<'_> {
    type Ok = ();
    type Error = NotXml;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotXml> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), NotXml> {
        SerializeStruct::end(self)
    }
}

/// What is formatted into it arrives escaped.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
