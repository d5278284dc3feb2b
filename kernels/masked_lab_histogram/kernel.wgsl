// Counts of the pixels of each Lab bin, counts and sums of red, green and blue of each colour name, kept
// apart for three parts of a picture: what the mask covers without its rim, the rim, and the rest.
// A pixel is red in the lowest byte, then green, blue, and the mask's value.

struct Picture {
    // Where its first pixel is.
    at: u32,
    width: u32,
    height: u32,
}

@group(0) @binding(0) var<storage, read> pixels: array<u32>;
@group(0) @binding(1) var<storage, read> pictures: array<Picture>;
// Of each colour, two a word: its bin in the lower bits, its name above them.
@group(0) @binding(2) var<storage, read> lookup: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

// Rows of a stripe.
override stripe_rows: u32;
// A pixel is covered where the mask is above this.
override uncovered: u32;
override bin_bits: u32;
override bins: u32;
// Counts of a part: the bins, then four of each name.
override part_counts: u32;
// Of the three parts.
override picture_counts: u32;

const LANES = 256u;

var<workgroup> stripe_counts: array<atomic<u32>, picture_counts>;

fn is_covered(pixel: u32) -> bool {
    return (pixel >> 24u) > uncovered;
}

// 0 where it is covered with all its neighbours, 1 where it is covered, else 2. Beyond the edge of a
// picture there is no neighbour.
fn part_of(picture: Picture, x: u32, y: u32) -> u32 {
    if !is_covered(pixels[picture.at + y * picture.width + x]) {
        return 2u;
    }
    let left = max(x, 1u) - 1u;
    let right = min(x + 1u, picture.width - 1u);
    let down = min(y + 1u, picture.height - 1u);
    for (var row = max(y, 1u) - 1u; row <= down; row += 1u) {
        for (var column = left; column <= right; column += 1u) {
            if !is_covered(pixels[picture.at + row * picture.width + column]) {
                return 1u;
            }
        }
    }
    return 0u;
}

// Workgroup (x, y) counts stripe x of picture y.
@compute @workgroup_size(LANES)
fn count(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let picture = pictures[group.y];
    let top = group.x * stripe_rows;
    if top >= picture.height {
        return;
    }
    let end = min(top + stripe_rows, picture.height) * picture.width;
    for (var i = top * picture.width + lane; i < end; i += LANES) {
        let part = part_of(picture, i % picture.width, i / picture.width);
        let pixel = pixels[picture.at + i];
        let colour = pixel & 0xffffffu;
        let entry = lookup[colour / 2u] >> (16u * (colour & 1u)) & 0xffffu;
        let bin = part * part_counts + (entry & ((1u << bin_bits) - 1u));
        let name = part * part_counts + bins + 4u * (entry >> bin_bits);
        atomicAdd(&stripe_counts[bin], 1u);
        atomicAdd(&stripe_counts[name], 1u);
        atomicAdd(&stripe_counts[name + 1u], pixel & 255u);
        atomicAdd(&stripe_counts[name + 2u], pixel >> 8u & 255u);
        atomicAdd(&stripe_counts[name + 3u], pixel >> 16u & 255u);
    }
    workgroupBarrier();
    for (var i = lane; i < picture_counts; i += LANES) {
        let found = atomicLoad(&stripe_counts[i]);
        if found != 0u {
            atomicAdd(&counts[group.y * picture_counts + i], found);
        }
    }
}
