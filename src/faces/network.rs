//! One face network: its session and its decoder. In: square RGB thumbnails. Out: faces in thumbnail pixels.
//! Called by `detector`.

use std::path::Path;

use crate::infer::{self, Element, Session, Tensor};

use super::decode::Decoder;
use super::{Error, Face, Kind, blazeface, yunet};

/// Side of the thumbnail for a YuNet graph that takes any size: a face of 24 px in 640x480 still has 12.
const YUNET_SIDE: usize = 320;

pub(super) struct Network {
    session: Session,
    decoder: Decoder,
    tensors: Tensors,
}

/// What a kind of network reads and answers, by name; dimensions without the batch.
struct Tensors {
    input: String,
    element: Element,
    shape: Vec<usize>,
    outputs: Vec<(String, Vec<usize>)>,
}

impl Tensors {
    fn of(kind: Kind, session: &Session) -> Self {
        let blazeface = |layout: &blazeface::Layout| {
            let (side, count) = (layout.side as usize, layout.anchors().len());
            Self {
                input: "image".into(),
                element: Element::U8,
                shape: vec![side, side, 3],
                outputs: vec![("boxes".into(), vec![count, blazeface::VALUES]), ("scores".into(), vec![count])],
            }
        };
        match kind {
            Kind::BlazefaceFull => blazeface(&blazeface::FULL),
            Kind::BlazefaceShort => blazeface(&blazeface::SHORT),
            Kind::Yunet => {
                // Exports differ in the input's name and in whether its size is fixed.
                let input = session.inputs().first();
                let side = input.and_then(|i| *i.shape.get(2)?).unwrap_or(YUNET_SIDE).next_multiple_of(32);
                let outputs = yunet::STRIDES.iter().flat_map(|&stride| {
                    let cells = (side / stride as usize).pow(2);
                    yunet::OUTPUTS.map(|(name, values)| (format!("{name}_{stride}"), vec![cells, values]))
                });
                Self {
                    input: input.map_or("input".into(), |i| i.name.clone()),
                    element: Element::F32,
                    shape: vec![3, side, side],
                    outputs: outputs.collect(),
                }
            }
        }
    }

    /// Input and outputs as the graph should declare them.
    fn expected(&self) -> (Tensor, Vec<Tensor>) {
        let tensor = |name: &str, element, shape: &[usize]| {
            let shape = std::iter::once(None).chain(shape.iter().map(|&d| Some(d))).collect();
            Tensor { name: name.into(), element, shape }
        };
        let outputs = self.outputs.iter().map(|(name, shape)| tensor(name, Element::F32, shape)).collect();
        (tensor(&self.input, self.element, &self.shape), outputs)
    }
}

impl Network {
    /// Loads a graph and compares its tensors with what the kind has.
    pub fn load(kind: Kind, path: &Path, infer: &infer::Config) -> Result<Self, Error> {
        let session = Session::load(path, infer)?;
        let tensors = Tensors::of(kind, &session);
        let (input, outputs) = tensors.expected();
        let there = |wanted: &Tensor, tensors: &[Tensor]| tensors.iter().any(|tensor| fits(wanted, tensor));
        if !there(&input, session.inputs()) || !outputs.iter().all(|output| there(output, session.outputs())) {
            let list = |tensors: &mut dyn Iterator<Item = &Tensor>| {
                tensors.map(Tensor::to_string).collect::<Vec<_>>().join(", ")
            };
            return Err(Error::Graph {
                path: path.into(),
                kind,
                expected: list(&mut std::iter::once(&input).chain(&outputs)),
                got: list(&mut session.inputs().iter().chain(session.outputs())),
            });
        }
        // All inputs are square and their last but one dimension is a side.
        let side = tensors.shape[1] as u32;
        Ok(Self { session, decoder: Decoder::new(kind, side), tensors })
    }

    /// Pixels a side of its thumbnail.
    pub fn side(&self) -> u32 {
        self.decoder.side()
    }

    /// One call on a black thumbnail, its answer unread, for measuring.
    pub fn bare_call(&mut self) -> Result<(), Error> {
        let Tensors { input, element, shape, outputs } = &self.tensors;
        let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
        let shape = [&[1], &shape[..]].concat();
        let values = shape.iter().product();
        match element {
            Element::U8 => self.session.run_u8(input, &shape, &vec![0; values], &names)?,
            _ => self.session.run_f32(input, &shape, &vec![0.0; values], &names)?,
        };
        Ok(())
    }

    /// The faces of each thumbnail, best first. `thumbnails`: `[n, side, side, 3] u8 RGB`.
    pub fn find(&mut self, thumbnails: &[u8], min_score: f32, nms_iou: f32) -> Result<Vec<Vec<Face>>, Error> {
        let Tensors { input, element, shape, outputs } = &self.tensors;
        let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
        let one: usize = shape.iter().product();
        let batched = |n: usize| [&[n], &shape[..]].concat();
        let mut faces = Vec::new();
        // YuNet's exports take one picture a call.
        let batch = if *element == Element::U8 { thumbnails.len() } else { one };
        for thumbnails in thumbnails.chunks_exact(batch.max(one)) {
            let count = thumbnails.len() / one;
            let answer = match element {
                Element::U8 => self.session.run_u8(input, &batched(count), thumbnails, &names)?,
                _ => self.session.run_f32(input, &batched(count), &yunet::to_planes(thumbnails), &names)?,
            };
            for n in 0..count {
                let views = answer.iter().zip(outputs).map(|(array, (_, shape))| {
                    let values: usize = shape.iter().product();
                    // In standard layout and as long as declared; anything else would hold no face.
                    array.as_slice().and_then(|all| all.get(n * values..(n + 1) * values)).unwrap_or_default()
                });
                faces.push(self.decoder.faces(&views.collect::<Vec<_>>(), min_score, nms_iou));
            }
        }
        Ok(faces)
    }
}

/// The same name and element, and the same dimensions behind the batch where the graph knows them.
fn fits(wanted: &Tensor, got: &Tensor) -> bool {
    wanted.name == got.name
        && wanted.element == got.element
        && wanted.shape.len() == got.shape.len()
        && wanted.shape.iter().zip(&got.shape).skip(1).all(|(wanted, got)| got.is_none() || wanted == got)
}
