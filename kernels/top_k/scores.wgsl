// Dot products of the rows of one tile with up to eight queries: a thread a row, each word of it read
// once for all queries. Its twin is `scores` in cpu.rs.
//
// A word is 16 bytes of a row. Rows lie in blocks of 64, first word 0 of each row of the block, then
// word 1 of each, so that neighbouring threads read neighbouring words; the last block is full, and a
// row has a multiple of four words, both filled up with zeros.

struct Params {
    first: u32,    // of the tile's rows
    rows: u32,
    base: u32,     // the row's number in the whole set, for `allowed`; a multiple of 64
    at: u32,       // where the first score goes
    stride: u32,   // from one query's scores to the next one's
    quads: u32,    // four elements each, in a row or a query
    filtered: u32, // whether `allowed` holds anything
}

// Quads in a word: 1 of f32, 2 of f16, 4 of i8.
override quads_a_word: u32;
// 1, 4 or 8.
override width: u32;

const BLOCK = 64u;
const THREADS = 256u;
// Of each query, how many quads are held in shared memory at a time.
const HELD = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> vectors: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> allowed: array<u32>;
@group(0) @binding(5) var<storage, read_write> scores: array<u32>;

var<workgroup> held: array<vec4<f32>, 8 * HELD>;
var<private> sums: array<f32, 8>;

// The sums are spelled out, as are the words below: an index known at compile time keeps them in
// registers whatever the driver makes of a loop.
fn add(row: vec4<f32>, at: u32) {
    sums[0] += dot(row, held[at]);
    if width > 1u {
        sums[1] += dot(row, held[HELD + at]);
        sums[2] += dot(row, held[2u * HELD + at]);
        sums[3] += dot(row, held[3u * HELD + at]);
    }
    if width > 4u {
        sums[4] += dot(row, held[4u * HELD + at]);
        sums[5] += dot(row, held[5u * HELD + at]);
        sums[6] += dot(row, held[6u * HELD + at]);
        sums[7] += dot(row, held[7u * HELD + at]);
    }
}

fn add_word(word: vec4<u32>, at: u32) {
    if quads_a_word == 1u {
        add(bitcast<vec4<f32>>(word), at);
    } else if quads_a_word == 2u {
        add(vec4(unpack2x16float(word.x), unpack2x16float(word.y)), at);
        add(vec4(unpack2x16float(word.z), unpack2x16float(word.w)), at + 1u);
    } else {
        add(vec4<f32>(unpack4xI8(word.x)), at);
        add(vec4<f32>(unpack4xI8(word.y)), at + 1u);
        add(vec4<f32>(unpack4xI8(word.z)), at + 2u);
        add(vec4<f32>(unpack4xI8(word.w)), at + 3u);
    }
}

// Twin: `ordered` in order.rs. Compares as the score does, -0 like 0; 0 for NaN, which is told by its
// bits because a driver may assume that there is none.
fn ordered(score: f32) -> u32 {
    let bits = bitcast<u32>(score);
    if (bits & 0x7fffffffu) > 0x7f800000u {
        return 0u;
    }
    if bits >= 0x80000000u {
        return select(~bits, 0x80000000u, bits == 0x80000000u);
    }
    return bits | 0x80000000u;
}

fn put(to: u32, sum: f32, wanted: bool) {
    scores[to] = select(0u, ordered(sum), wanted);
}

fn write(index: u32, scale: f32, wanted: bool) {
    if index >= params.rows {
        return;
    }
    let to = params.at + index;
    put(to, sums[0] * scale, wanted);
    if width > 1u {
        put(to + params.stride, sums[1] * scale, wanted);
        put(to + 2u * params.stride, sums[2] * scale, wanted);
        put(to + 3u * params.stride, sums[3] * scale, wanted);
    }
    if width > 4u {
        put(to + 4u * params.stride, sums[4] * scale, wanted);
        put(to + 5u * params.stride, sums[5] * scale, wanted);
        put(to + 6u * params.stride, sums[6] * scale, wanted);
        put(to + 7u * params.stride, sums[7] * scale, wanted);
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = group.x * THREADS + lane;
    var wanted = index < params.rows;
    if params.filtered != 0u {
        // A filter that leaves out whole stretches of rows saves reading them.
        let word = (params.base + group.x * THREADS) / 32u;
        let some = allowed[word] | allowed[word + 1u] | allowed[word + 2u] | allowed[word + 3u]
            | allowed[word + 4u] | allowed[word + 5u] | allowed[word + 6u] | allowed[word + 7u];
        if some == 0u {
            write(index, 0.0, false);
            return;
        }
        wanted = wanted && ((allowed[word + lane / 32u] >> (lane % 32u)) & 1u) == 1u;
    }
    let row = params.first + index;
    let start = row / BLOCK * BLOCK * (params.quads / quads_a_word) + row % BLOCK;
    for (var begin = 0u; begin < params.quads; begin += HELD) {
        workgroupBarrier();
        for (var i = lane; i < width * HELD; i += THREADS) {
            let quad = begin + i % HELD;
            if quad < params.quads {
                held[i] = queries[i / HELD * params.quads + quad];
            }
        }
        workgroupBarrier();
        if wanted {
            let quads = min(HELD, params.quads - begin);
            for (var at = 0u; at < quads; at += 4u * quads_a_word) {
                // All four are on their way before the first is needed.
                let word = start + (begin + at) / quads_a_word * BLOCK;
                let a = vectors[word];
                let b = vectors[word + BLOCK];
                let c = vectors[word + 2u * BLOCK];
                let d = vectors[word + 3u * BLOCK];
                add_word(a, at);
                add_word(b, at + quads_a_word);
                add_word(c, at + 2u * quads_a_word);
                add_word(d, at + 3u * quads_a_word);
            }
        }
    }
    var scale = 1.0;
    if quads_a_word == 4u && wanted {
        scale = scales[row];
    }
    write(index, scale, wanted);
}
