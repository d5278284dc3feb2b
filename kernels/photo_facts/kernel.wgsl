// Sums over measured copies, of which photo facts are made.
// A pixel is red in the lowest byte, then green, blue, alpha.

struct Picture {
    // Where its first pixel is.
    at: u32,
    width: u32,
    height: u32,
    // Of the border, in pixels.
    thick: u32,
    // Pixels of the border.
    border: u32,
    // Where its sums are: two of the border, then five a stripe.
    sums: u32,
}

@group(0) @binding(0) var<storage, read> pixels: array<u32>;
@group(0) @binding(1) var<storage, read> pictures: array<Picture>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;

// Rows of a stripe: few enough that 32 bits hold the sum of its squares.
override stripe_rows: u32;
override luma_red: u32;
override luma_green: u32;
override luma_blue: u32;
// Levels of a channel, as showroom-pixels has them.
override black: u32;
override clipped: u32;
override white: u32;
override alike: u32;

const LANES = 256u;

fn rgb(pixel: u32) -> vec3u {
    return vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u);
}

fn luma_at(place: u32) -> i32 {
    let colour = rgb(pixels[place]);
    let sum = colour.r * luma_red + colour.g * luma_green + colour.b * luma_blue;
    return i32((sum + 0x8000u) >> 16u);
}

// Luma, dark, bright, edges (two's complement), squares of edges.
var<workgroup> stripe_sums: array<atomic<u32>, 5>;

// Workgroup (x, y) adds up stripe x of picture y.
@compute @workgroup_size(LANES)
fn stripe(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let picture = pictures[group.y];
    let top = group.x * stripe_rows;
    if top >= picture.height {
        return;
    }
    let end = min(top + stripe_rows, picture.height) * picture.width;
    var luma = 0u;
    var dark = 0u;
    var bright = 0u;
    var edges = 0i;
    var squares = 0u;
    for (var i = top * picture.width + lane; i < end; i += LANES) {
        let place = picture.at + i;
        let colour = rgb(pixels[place]);
        let centre = luma_at(place);
        luma += u32(centre);
        dark += u32(all(colour <= vec3u(black)));
        bright += u32(all(colour >= vec3u(clipped)));
        let x = i % picture.width;
        let y = i / picture.width;
        if x > 0u && y > 0u && x + 1u < picture.width && y + 1u < picture.height {
            let across = luma_at(place - 1u) + luma_at(place + 1u);
            let along = luma_at(place - picture.width) + luma_at(place + picture.width);
            let edge = 4 * centre - across - along;
            edges += edge;
            squares += u32(edge * edge);
        }
    }
    atomicAdd(&stripe_sums[0], luma);
    atomicAdd(&stripe_sums[1], dark);
    atomicAdd(&stripe_sums[2], bright);
    atomicAdd(&stripe_sums[3], bitcast<u32>(edges));
    atomicAdd(&stripe_sums[4], squares);
    workgroupBarrier();
    if lane < 5u {
        sums[picture.sums + 2u + group.x * 5u + lane] = atomicLoad(&stripe_sums[lane]);
    }
}

// Place of the i-th pixel of the border: rows at the top, rows at the bottom, then both ends of the others.
fn border_at(picture: Picture, i: u32) -> u32 {
    if picture.border == picture.width * picture.height {
        return picture.at + i;
    }
    let rows = picture.thick * picture.width;
    if i < rows {
        return picture.at + i;
    }
    if i < 2u * rows {
        return picture.at + (picture.height - picture.thick) * picture.width + i - rows;
    }
    let ends = 2u * picture.thick;
    let y = picture.thick + (i - 2u * rows) / ends;
    let end = (i - 2u * rows) % ends;
    let x = select(picture.width - ends + end, end, end < picture.thick);
    return picture.at + y * picture.width + x;
}

// How often each level of red, green, blue occurs.
var<workgroup> levels: array<atomic<u32>, 768>;
var<workgroup> median: array<u32, 3>;
// White, alike.
var<workgroup> border_sums: array<atomic<u32>, 2>;

// Workgroup x counts the border of picture x.
@compute @workgroup_size(LANES)
fn border(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let picture = pictures[group.x];
    var are_white = 0u;
    for (var i = lane; i < picture.border; i += LANES) {
        let colour = rgb(pixels[border_at(picture, i)]);
        atomicAdd(&levels[colour.r], 1u);
        atomicAdd(&levels[256u + colour.g], 1u);
        atomicAdd(&levels[512u + colour.b], 1u);
        are_white += u32(all(colour >= vec3u(white)));
    }
    atomicAdd(&border_sums[0], are_white);
    workgroupBarrier();
    if lane < 3u {
        // The level in the middle of all, of two the higher.
        var level = 0u;
        var up_to = atomicLoad(&levels[256u * lane]);
        while level < 255u && up_to <= picture.border / 2u {
            level += 1u;
            up_to += atomicLoad(&levels[256u * lane + level]);
        }
        median[lane] = level;
    }
    workgroupBarrier();
    let middle = vec3i(vec3u(median[0], median[1], median[2]));
    var are_alike = 0u;
    for (var i = lane; i < picture.border; i += LANES) {
        let colour = vec3i(rgb(pixels[border_at(picture, i)]));
        are_alike += u32(all(abs(colour - middle) <= vec3i(i32(alike))));
    }
    atomicAdd(&border_sums[1], are_alike);
    workgroupBarrier();
    if lane < 2u {
        sums[picture.sums + lane] = atomicLoad(&border_sums[lane]);
    }
}
