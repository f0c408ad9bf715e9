// Optimised C++ whose hot code is inlined twice; the test knows the lines by their marks.
#include <cstdio>
#include <vector>

namespace shop
{
struct Item {
    double price, count;
};
template <class T> inline double weigh(const T &item, double factor)
{
    double sum = 0;
    for (int i = 0; i < 40; i++)
        sum += item.price * factor / (item.count + sum); // HOT
    return sum;
}
struct Basket {
    std::vector<Item> items;
    inline double total(double factor) const
    {
        double sum = 0;
        for (const Item &item : items)
            sum += weigh(item, factor); // CALL
        return sum;
    }
};
} // namespace shop

__attribute__((noinline)) static double checkout(const shop::Basket &basket, int rounds)
{
    double sum = 0;
    for (int i = 0; i < rounds; i++)
        sum += basket.total(i); // TOTAL
    return sum;
}

int main()
{
    shop::Basket basket;
    for (int i = 0; i < 1000; i++)
        basket.items.push_back({1.0 * i, 2.0});
    std::printf("%g\n", checkout(basket, 2500));
}
