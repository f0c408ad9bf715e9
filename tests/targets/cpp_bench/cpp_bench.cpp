// A C++ benchmark with templates, inlining, virtual functions and the standard library: points are
// sorted into a grid, asked for their nearest neighbours, and drawn as shapes.
//     cpp_bench [POINTS [ROUNDS]]
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include <xsgate/profile.h>

#define NOINLINE __attribute__((noinline))

namespace geo
{

template <typename T> struct Point {
    T x, y;
    Point operator-(const Point &other) const
    {
        return {x - other.x, y - other.y};
    }
    T norm() const
    {
        return x * x + y * y;
    }
};

class Random
{
  public:
    double next()
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return static_cast<double>(state >> 11) / 9007199254740992.0;
    }

  private:
    uint64_t state = 88172645463325252u;
};

// Points of the unit square in cells of a grid.
template <typename T> class Grid
{
  public:
    explicit Grid(size_t side) : side(side), cells(side * side)
    {
    }

    NOINLINE void insert(const std::vector<Point<T>> &points)
    {
        XSG_FUNC();
        for (auto &cell : cells)
            cell.clear();
        for (const auto &point : points)
            cells[row(point.y) * side + row(point.x)].push_back(point);
    }

    // The squared distance to the nearest other point in the cells around; infinite without one.
    NOINLINE T nearest(const Point<T> &point) const
    {
        XSG_FUNC();
        const size_t column = row(point.x), line = row(point.y);
        T best = std::numeric_limits<T>::infinity();
        for (size_t y = line ? line - 1 : 0; y <= std::min(line + 1, side - 1); y++) {
            for (size_t x = column ? column - 1 : 0; x <= std::min(column + 1, side - 1); x++) {
                for (const auto &other : cells[y * side + x]) {
                    const T distance = (other - point).norm();
                    if (distance > 0 && distance < best)
                        best = distance;
                }
            }
        }
        return best;
    }

  private:
    size_t row(T value) const
    {
        return std::min(static_cast<size_t>(value * static_cast<T>(side)), side - 1);
    }

    size_t side;
    std::vector<std::vector<Point<T>>> cells;
};

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

struct Circle : Shape {
    explicit Circle(double radius) : radius(radius)
    {
    }
    NOINLINE double area() const override
    {
        XSG_FUNC();
        return M_PI * radius * radius;
    }
    double radius;
};

struct Polygon : Shape {
    Polygon(double radius, int corners) : radius(radius), corners(corners)
    {
    }
    NOINLINE double area() const override
    {
        XSG_FUNC();
        double sum = 0;
        for (int i = 0; i < corners; i++)
            sum += std::sin(2 * M_PI / corners);
        return sum * radius * radius / 2;
    }
    double radius;
    int corners;
};

} // namespace geo

template <typename Iterator, typename Less>
NOINLINE static void sort_by(Iterator begin, Iterator end, Less less)
{
    XSG_FUNC();
    std::sort(begin, end, less);
}

NOINLINE static std::vector<geo::Point<float>> make_points(geo::Random &random, size_t n)
{
    XSG_FUNC();
    std::vector<geo::Point<float>> points;
    points.reserve(n);
    for (size_t i = 0; i < n; i++)
        points.push_back({static_cast<float>(random.next()), static_cast<float>(random.next())});
    return points;
}

NOINLINE static double draw(const std::vector<float> &distances)
{
    XSG_FUNC();
    std::unordered_map<int, double> areas;
    std::unique_ptr<geo::Shape> shape;
    for (size_t i = 0; i < distances.size(); i += 16) {
        const double radius = std::sqrt(distances[i]);
        if (i / 16 % 2)
            shape = std::make_unique<geo::Circle>(radius);
        else
            shape = std::make_unique<geo::Polygon>(radius, 3 + static_cast<int>(i / 32 % 5));
        areas[static_cast<int>(radius * 1e4)] += shape->area();
    }
    double sum = 0;
    for (const auto &[key, area] : areas)
        sum += area / (1 + key);
    return sum;
}

int main(int argc, char **argv)
{
    const size_t n = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20000;
    const size_t rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 30;
    if (n < 1) {
        std::fprintf(stderr, "usage: cpp_bench [POINTS [ROUNDS]]\n");
        return 2;
    }
    geo::Random random;
    geo::Grid<float> grid(static_cast<size_t>(std::sqrt(static_cast<double>(n) / 3)) + 1);
    std::vector<float> distances(n);
    double sum = 0;
    for (size_t round = 0; round < rounds; round++) {
        auto points = make_points(random, n);
        grid.insert(points);
        for (size_t i = 0; i < n; i++)
            distances[i] = std::min(grid.nearest(points[i]), 1.0f);
        sort_by(distances.begin(), distances.end(), [](float a, float b) { return a < b; });
        sum += draw(distances) + distances[n / 2];
    }
    std::printf("%zu points, %.9f\n", n, sum);
    return 0;
}
