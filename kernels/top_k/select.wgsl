// The best `k` of each chunk of one query's candidates, sorted, best first. A workgroup a chunk: it
// lists what beats the k-th best so far, and when the list is full sorts it and cuts it off after `k`.
// That is exact however the scores are distributed; their distribution only decides how often it sorts.
//
// A candidate is the ordered bits of its score and the complement of its row, so that of two of them the
// better one is the larger one and equal scores go in the order of rows.

struct Params {
    count: u32,        // candidates of a query
    stride: u32,       // from one query's candidates to the next one's
    chunk: u32,        // candidates of a workgroup; a multiple of THREADS
    k: u32,
    base: u32,         // the row of score 0
    room: u32,         // of the list: a power of two, at most ROOM, at least k + THREADS
    at: u32,           // where the first one found goes
    found_stride: u32, // from one query's found to the next one's
}

const THREADS = 256u;
const ROOM = 2048u;
// Not zeros, which are what a launch that failed leaves.
const NOBODY = vec2(0u, 1u);

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<u32>;
@group(0) @binding(2) var<storage, read> candidates: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> found: array<vec2<u32>>;

var<workgroup> list: array<vec2<u32>, ROOM>;
var<workgroup> listed: atomic<u32>;

fn better(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.x > b.x || (a.x == b.x && a.y > b.y);
}

// Bitonic sort (Batcher 1968) of the `count` listed, best first; after them nobody, up to `k` at least.
fn sort(lane: u32, count: u32) {
    let wanted = max(count, params.k);
    // The next power of two.
    let slots = 1u << (32u - countLeadingZeros(wanted - 1u));
    for (var i = count + lane; i < slots; i += THREADS) {
        list[i] = NOBODY;
    }
    workgroupBarrier();
    for (var size = 2u; size <= slots; size *= 2u) {
        for (var step = size / 2u; step > 0u; step /= 2u) {
            for (var pair = lane; pair < slots / 2u; pair += THREADS) {
                let i = 2u * pair - (pair & (step - 1u));
                let a = list[i];
                let b = list[i + step];
                if better(b, a) == ((i & size) == 0u) {
                    list[i] = b;
                    list[i + step] = a;
                }
            }
            workgroupBarrier();
        }
    }
}

// Lists the candidate if it beats `bar`; returns the bar for the next one. To be called by all threads.
fn offer(lane: u32, candidate: vec2<u32>, bar: vec2<u32>) -> vec2<u32> {
    if better(candidate, bar) {
        list[atomicAdd(&listed, 1u)] = candidate;
    }
    let count = workgroupUniformLoad(&listed);
    if count <= params.room - THREADS {
        return bar;
    }
    sort(lane, count);
    if lane == 0u {
        atomicStore(&listed, params.k);
    }
    let raised = list[params.k - 1u];
    workgroupBarrier();
    return raised;
}

fn finish(lane: u32, group: vec3<u32>) {
    sort(lane, workgroupUniformLoad(&listed));
    let to = group.y * params.found_stride + params.at + group.x * params.k;
    for (var i = lane; i < params.k; i += THREADS) {
        found[to + i] = list[i];
    }
}

@compute @workgroup_size(THREADS)
fn from_scores(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if lane == 0u {
        atomicStore(&listed, 0u);
    }
    workgroupBarrier();
    let first = group.x * params.chunk;
    let end = min(first + params.chunk, params.count);
    var bar = NOBODY;
    for (var at = first; at < end; at += THREADS) {
        let i = at + lane;
        var candidate = NOBODY;
        if i < end {
            let score = scores[group.y * params.stride + i];
            candidate = select(candidate, vec2(score, ~(params.base + i)), score != 0u);
        }
        bar = offer(lane, candidate, bar);
    }
    finish(lane, group);
}

@compute @workgroup_size(THREADS)
fn from_candidates(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if lane == 0u {
        atomicStore(&listed, 0u);
    }
    workgroupBarrier();
    let first = group.x * params.chunk;
    let end = min(first + params.chunk, params.count);
    var bar = NOBODY;
    for (var at = first; at < end; at += THREADS) {
        let i = at + lane;
        var candidate = NOBODY;
        if i < end {
            candidate = candidates[group.y * params.stride + i];
        }
        bar = offer(lane, candidate, bar);
    }
    finish(lane, group);
}
