//! A machine that reads the pickles inside PyTorch files without ever running what is in them.
//!
//! A pickle is a program: its `GLOBAL` and `REDUCE` instructions import any Python function and call
//! it. This machine knows the few globals that a state dict of tensors needs ([`Global`]) and refuses
//! the file at the first other one. It knows only the instructions that `torch.save` writes (pickle
//! protocol 2). Values live in an arena and refer to each other by index, so that a memo costs nothing
//! and a file cannot make itself larger by repeating itself.

/// The most values one pickle may make: a few times what a checkpoint of 100,000 tensors needs.
const MAX_VALUES: usize = 4_000_000;
/// The longest name of a Python module or class.
const MAX_NAME_BYTES: usize = 200;

/// Why a pickle was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It reaches for something that could run code.
    Unsafe(String),
    /// It is broken, or no state dict.
    Malformed(String),
}

/// Index of a value in its [`Values`].
pub type Id = usize;

/// Element type of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    F32,
    F64,
    F16,
    Bf16,
    /// A whole number or boolean of so many bytes.
    Whole(usize),
}

impl Element {
    /// Size of one element.
    pub fn bytes(self) -> usize {
        match self {
            Element::F64 => 8,
            Element::F32 => 4,
            Element::F16 | Element::Bf16 => 2,
            Element::Whole(bytes) => bytes,
        }
    }
}

/// The Python names that a file may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
}

impl Global {
    fn named(module: &str, name: &str) -> Option<Self> {
        let global = match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch", "FloatStorage") => Global::Storage(Element::F32),
            ("torch", "DoubleStorage") => Global::Storage(Element::F64),
            ("torch", "HalfStorage") => Global::Storage(Element::F16),
            ("torch", "BFloat16Storage") => Global::Storage(Element::Bf16),
            ("torch", "LongStorage") => Global::Storage(Element::Whole(8)),
            ("torch", "IntStorage") => Global::Storage(Element::Whole(4)),
            ("torch", "ShortStorage") => Global::Storage(Element::Whole(2)),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => {
                Global::Storage(Element::Whole(1))
            }
            _ => return None,
        };
        Some(global)
    }
}

/// A Python value, as far as a state dict needs one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// A storage, by the tuple that names it.
    Persistent(Id),
    /// A tensor, by the arguments of `_rebuild_tensor_v2`.
    Tensor(Id),
}

/// The values of one pickle.
#[derive(Debug)]
pub struct Values {
    arena: Vec<Value>,
}

impl Values {
    /// The value at `id`, which must come from this pickle.
    pub fn get(&self, id: Id) -> &Value {
        &self.arena[id]
    }

    /// All values, in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.arena.iter()
    }

    /// The items of a tuple or list.
    pub fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a text key of a dict.
    pub fn entry(&self, dict: Id, key: &str) -> Option<Id> {
        match self.get(dict) {
            Value::Dict(entries) => entries
                .iter()
                .find(|(k, _)| self.text(*k) == Some(key))
                .map(|(_, v)| *v),
            _ => None,
        }
    }
}

/// Reads one pickle from the start of `bytes`: its values, its result and how many bytes it took.
pub fn read(bytes: &[u8]) -> Result<(Values, Id, usize), Refusal> {
    let mut machine = Machine {
        bytes,
        at: 0,
        values: Values { arena: Vec::new() },
        stack: Vec::new(),
        marks: Vec::new(),
        memo: std::collections::HashMap::new(),
    };
    let result = machine.run()?;
    Ok((machine.values, result, machine.at))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Values,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: std::collections::HashMap<u32, Id>,
}

fn malformed<T>(reason: &str) -> Result<T, Refusal> {
    Err(Refusal::Malformed(format!("its pickle {reason}")))
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Id, Refusal> {
        loop {
            let [op] = self.take()?;
            match op {
                0x80 => self.protocol()?,
                b'.' => return self.pop(),
                b'c' => self.global()?,
                b'R' => self.reduce()?,
                b'b' => self.build()?,
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Value::Persistent(id))?;
                }
                b'(' => self.marks.push(self.stack.len()),
                b'q' => {
                    let [key] = self.take()?;
                    self.remember(key.into())?;
                }
                b'r' => {
                    let key = u32::from_le_bytes(self.take()?);
                    self.remember(key)?;
                }
                b'h' => {
                    let [key] = self.take()?;
                    self.recall(key.into())?;
                }
                b'j' => {
                    let key = u32::from_le_bytes(self.take()?);
                    self.recall(key)?;
                }
                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                b'K' => {
                    let [value] = self.take()?;
                    self.push(Value::Int(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.take()?);
                    self.push(Value::Int(value.into()))?;
                }
                b'J' => {
                    let value = i32::from_le_bytes(self.take()?);
                    self.push(Value::Int(value.into()))?;
                }
                0x8a => self.long()?,
                b'G' => {
                    let value = f64::from_be_bytes(self.take()?);
                    self.push(Value::Float(value))?;
                }
                b'X' => {
                    let length = u32::from_le_bytes(self.take()?);
                    self.text(length as usize)?;
                }
                b'U' => {
                    let [length] = self.take()?;
                    self.text(length.into())?;
                }
                b')' => self.push(Value::Tuple(Vec::new()))?,
                b']' => self.push(Value::List(Vec::new()))?,
                b'}' => self.push(Value::Dict(Vec::new()))?,
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(Value::Tuple(items))?;
                }
                0x85..=0x87 => {
                    let items = self.pop_many(usize::from(op - 0x84))?;
                    self.push(Value::Tuple(items))?;
                }
                b'a' => {
                    let items = self.pop_many(1)?;
                    self.append(items)?;
                }
                b'e' => {
                    let items = self.pop_to_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let items = self.pop_many(2)?;
                    self.set(&items)?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set(&items)?;
                }
                // INST, OBJ, NEWOBJ, STACK_GLOBAL, EXT*, and all else that torch.save does not write.
                other => {
                    return Err(Refusal::Unsafe(format!(
                        "its pickle has instruction {other:#04x}, which no file of tensors needs"
                    )));
                }
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        match self.bytes[self.at..].first_chunk::<N>() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => malformed("ends too early"),
        }
    }

    fn protocol(&mut self) -> Result<(), Refusal> {
        let [version] = self.take()?;
        if version > 2 {
            return malformed(&format!("has protocol {version}; protocol 2 is read"));
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Result<(), Refusal> {
        if self.values.arena.len() >= MAX_VALUES {
            return malformed(&format!("makes more than {MAX_VALUES} values"));
        }
        self.stack.push(self.values.arena.len());
        self.values.arena.push(value);
        Ok(())
    }

    /// Pops a value, but none that lies below the last mark.
    fn pop(&mut self) -> Result<Id, Refusal> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= floor => Ok(id),
            _ => malformed("takes a value that is not there"),
        }
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, Refusal> {
        let mut items = (0..count)
            .map(|_| self.pop())
            .collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Refusal> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => malformed("lacks a mark"),
        }
    }

    fn remember(&mut self, key: u32) -> Result<(), Refusal> {
        match self.stack.last() {
            Some(&id) => {
                self.memo.insert(key, id);
                Ok(())
            }
            None => malformed("remembers a value that is not there"),
        }
    }

    /// Pushes a remembered value. The stack is bounded too, as one byte of file can grow it.
    fn recall(&mut self, key: u32) -> Result<(), Refusal> {
        if self.stack.len() >= MAX_VALUES {
            return malformed(&format!("stacks more than {MAX_VALUES} values"));
        }
        match self.memo.get(&key) {
            Some(&id) => {
                self.stack.push(id);
                Ok(())
            }
            None => malformed("recalls a value that was never remembered"),
        }
    }

    fn line(&mut self) -> Result<String, Refusal> {
        let rest = &self.bytes[self.at..];
        let window = &rest[..rest.len().min(MAX_NAME_BYTES + 1)];
        let Some(length) = window.iter().position(|&b| b == b'\n') else {
            return malformed("has a name without an end");
        };
        self.at += length + 1;
        Ok(String::from_utf8_lossy(&window[..length]).into_owned())
    }

    fn global(&mut self) -> Result<(), Refusal> {
        let module = self.line()?;
        let name = self.line()?;
        match Global::named(&module, &name) {
            Some(global) => self.push(Value::Global(global)),
            None => Err(Refusal::Unsafe(format!(
                "its pickle reaches for `{}.{}`, which is not needed to hold tensors and could run code",
                module.escape_debug(),
                name.escape_debug()
            ))),
        }
    }

    fn reduce(&mut self) -> Result<(), Refusal> {
        let arguments = self.pop()?;
        let callable = self.pop()?;
        let Value::Global(global) = *self.values.get(callable) else {
            return Err(Refusal::Unsafe(
                "its pickle calls something that is no name".into(),
            ));
        };
        match (global, self.values.items(arguments)) {
            (Global::OrderedDict, Some([])) => self.push(Value::Dict(Vec::new())),
            (Global::RebuildTensor, Some(_)) => self.push(Value::Tensor(arguments)),
            // A parameter is its tensor; whether it was being trained is nothing to us.
            (Global::RebuildParameter, Some(&[tensor, ..])) => {
                self.stack.push(tensor);
                Ok(())
            }
            _ => malformed("makes a tensor or a dict from the wrong arguments"),
        }
    }

    /// Attributes set on a dict (`_metadata`) are dropped; nothing else may have any.
    fn build(&mut self) -> Result<(), Refusal> {
        let _attributes = self.pop()?;
        match self.stack.last().map(|&id| self.values.get(id)) {
            Some(Value::Dict(_)) => Ok(()),
            _ => Err(Refusal::Unsafe(
                "its pickle sets attributes of something else than a dict".into(),
            )),
        }
    }

    fn long(&mut self) -> Result<(), Refusal> {
        let [length] = self.take()?;
        if length > 8 {
            return malformed("has a number of more than 64 bits");
        }
        let mut value = 0i64;
        let mut shift = 0;
        for _ in 0..length {
            let [byte] = self.take()?;
            value |= i64::from(byte) << shift;
            shift += 8;
        }
        // The top bit of the last byte is the sign.
        if (1..64).contains(&shift) && value >> (shift - 1) & 1 == 1 {
            value -= 1i64 << shift;
        }
        self.push(Value::Int(value))
    }

    fn text(&mut self, length: usize) -> Result<(), Refusal> {
        let Some(bytes) = self.bytes[self.at..].get(..length) else {
            return malformed("ends too early");
        };
        self.at += length;
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(Value::Text(text.to_owned())),
            Err(_) => malformed("has a text that is not UTF-8"),
        }
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), Refusal> {
        match self.top() {
            Some(Value::List(list)) => {
                list.extend(items);
                Ok(())
            }
            _ => malformed("appends to what is no list"),
        }
    }

    fn set(&mut self, items: &[Id]) -> Result<(), Refusal> {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.top() {
            Some(Value::Dict(entries)) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => malformed("sets keys of what is no dict"),
        }
    }

    fn top(&mut self) -> Option<&mut Value> {
        let id = *self.stack.last()?;
        Some(&mut self.values.arena[id])
    }
}
