// A generic, inlined and a plain function.
#[inline(never)]
fn grind(n: u64) -> u64 {
    let mut x = n;
    for i in 0..3_000_000u64 {
        x = std::hint::black_box(x.wrapping_mul(6364136223846793005).wrapping_add(i));
    }
    x
}

mod mill {
    pub struct Wheel<T>(pub T);
    impl<T: Into<u64> + Copy> Wheel<T> {
        #[inline(never)]
        pub fn turn(&self) -> u64 {
            super::grind(self.0.into()) ^ 1
        }
    }
}

fn main() {
    let mut sum = 0u64;
    for i in 0..300u32 {
        sum = sum.wrapping_add(mill::Wheel(i).turn());
    }
    println!("{}", sum);
}
